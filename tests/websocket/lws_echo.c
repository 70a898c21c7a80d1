// An echo server on libwebsockets, for the benchmark. As its documentation has it (README.coding.md), what comes is
// queued, and written only where the library calls because the socket is writable. No extensions, no logging.
#include <libwebsockets.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A read takes what fits, up to this; libwebsockets' own default of 4 KiB makes large messages slow.
enum { READ_SIZE = 128 * 1024 };
// How much of a connection's input waits to be written, before reading it stops.
enum { QUEUE_LIMIT = 1024 * 1024 };

// Part of a message, to be written as one frame; a large message is echoed in fragments, as it comes.
struct piece {
  struct piece* next;
  int flags;  // enum lws_write_protocol
  size_t size;
  unsigned char bytes[];  // LWS_PRE bytes for the header, then the payload
};

// What libwebsockets keeps for each connection, zero at its beginning.
struct session {
  struct piece *first, *last;
  size_t queued;
  int paused;
};

static volatile sig_atomic_t stopped;

static void stop(int signal_number) {
  (void)signal_number;
  stopped = 1;
}

static void pause_reading(struct lws* connection, struct session* session, int pause) {
  session->paused = pause;
  lws_rx_flow_control(connection, !pause);
}

static int queue(struct lws* connection, struct session* session, const void* bytes, size_t size) {
  struct piece* piece = malloc(sizeof *piece + LWS_PRE + size);
  if (!piece) return -1;
  piece->next = NULL;
  piece->flags = lws_write_ws_flags(lws_frame_is_binary(connection) ? LWS_WRITE_BINARY : LWS_WRITE_TEXT,
                                    lws_is_first_fragment(connection), lws_is_final_fragment(connection));
  piece->size = size;
  if (size > 0) memcpy(piece->bytes + LWS_PRE, bytes, size);
  if (session->last) session->last->next = piece;
  else session->first = piece;
  session->last = piece;
  session->queued += size;
  if (session->queued > QUEUE_LIMIT) pause_reading(connection, session, 1);
  lws_callback_on_writable(connection);
  return 0;
}

static void drop_first(struct session* session) {
  struct piece* piece = session->first;
  session->first = piece->next;
  if (!session->first) session->last = NULL;
  session->queued -= piece->size;
  free(piece);
}

static int write_queued(struct lws* connection, struct session* session) {
  while (session->first) {
    struct piece* piece = session->first;
    if (lws_write(connection, piece->bytes + LWS_PRE, piece->size, (enum lws_write_protocol)piece->flags) < 0)
      return -1;
    drop_first(session);
    if (session->first && lws_send_pipe_choked(connection)) break;
  }
  if (session->first) lws_callback_on_writable(connection);
  if (session->paused && session->queued <= QUEUE_LIMIT) pause_reading(connection, session, 0);
  return 0;
}

static int echo(struct lws* connection, enum lws_callback_reasons reason, void* user, void* bytes, size_t size) {
  struct session* session = user;
  switch (reason) {
    case LWS_CALLBACK_RECEIVE: return queue(connection, session, bytes, size);
    case LWS_CALLBACK_SERVER_WRITEABLE: return write_queued(connection, session);
    case LWS_CALLBACK_CLOSED:
      while (session->first) drop_first(session);
      return 0;
    default: return 0;
  }
}

int main(void) {
  static const struct lws_protocols protocols[] = {
      {.name = "echo", .callback = echo, .per_session_data_size = sizeof(struct session), .rx_buffer_size = 0},
      {.name = NULL}};
  struct lws_context_creation_info info;
  memset(&info, 0, sizeof info);
  info.options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS;
  info.pt_serv_buf_size = READ_SIZE;
  info.iface = "127.0.0.1";
  info.port = 0;  // any that is free
  info.protocols = protocols;
  signal(SIGTERM, stop);
  lws_set_log_level(LLL_ERR | LLL_WARN, NULL);
  struct lws_context* context = lws_create_context(&info);
  struct lws_vhost* host = context ? lws_create_vhost(context, &info) : NULL;
  if (!host) return 1;
  printf("libwebsockets %s, listening on 127.0.0.1:%d\n", LWS_LIBRARY_VERSION, lws_get_vhost_listen_port(host));
  fflush(stdout);
  while (!stopped && lws_service(context, 0) >= 0) continue;
  lws_context_destroy(context);
  return 0;
}

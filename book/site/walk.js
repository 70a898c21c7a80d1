// Makes a byte walk alive. A walk in a page is text, and stays so in print and without this script:
//
//   client → server  request head, 83 bytes                                       a frame
//     0003  20                       ␠         one space         RFC 9112 §3
//     001b  31 32 37 2e 30 2e 30 2e  127.0.0.  host and port     RFC 9110 §7.2
//     0023  31 3a 38 30 38 30        1:8080                                       (the same field, continued)
//     0000  02                                        Type = 2                  Total      (binary: no characters)
//
// From it come two panes: the bytes in rows of eight, and the fields. Pointing at one lights the other.
// Either pane can have the focus; the arrow keys step through the fields.
'use strict';

const ROW = /^\s*([0-9a-f]{4,})\s\s((?:[0-9a-f]{2}\s)*[0-9a-f]{2})(?:\s{2,}|$)(.*)$/;
const FRAME = /^client ([→←]) server {2}(.*), \d+ bytes?$/;
const SECTION = /§|\bRFC \d/;
const NO_CHARACTERS = 42; // the column from which on a row's text is no picture of its bytes
const PER_ROW = 8;
const MOST_SHOWN = 12; // bytes of a field, beside its name

// The frames of a walk: {title, speaker, fields: [{offset, bytes, meaning, section}]}. Throws where a line is none.
function parseWalk(text) {
  const frames = [];
  for (const line of text.split('\n')) {
    if (!line.trim()) continue;
    const frame = FRAME.exec(line);
    const row = ROW.exec(line);
    if (frame) frames.push({title: frame[2], speaker: frame[1] === '→' ? 'client' : 'server', fields: []});
    else if (!row) throw new Error(`no line of a walk: ${line}`);
    else addRow(frames.at(-1).fields, row);
  }
  return frames;
}

function addRow(fields, [line, offset, hexadecimal, rest]) {
  const bytes = hexadecimal.split(' ').map((pair) => parseInt(pair, 16));
  const parts = rest.split(/\s{2,}/);
  if (line.length - rest.length < NO_CHARACTERS) parts.shift();
  const section = SECTION.test(parts.at(-1)) ? parts.pop() : '';
  const meaning = parts.filter(Boolean).join(': ');
  if (meaning) fields.push({offset: parseInt(offset, 16), bytes, meaning, section});
  else fields.at(-1).bytes.push(...bytes);
}

// Who sends, told by the direction of the arrow, too.
const WAYS = {client: 'client ━▶ server', server: 'client ◀━ server', both: 'client ◀━▶ server'};

const hex = (byte) => byte.toString(16).padStart(2, '0');
const offsetText = (offset) => offset.toString(16).padStart(4, '0');

// Control characters that protocols of text use. Few fonts have pictures of them, so the style sheet draws their names.
const CONTROLS = {9: ['␉', 'HT'], 10: ['␊', 'LF'], 13: ['␍', 'CR'], 32: ['␠', 'SP']};

// A byte as one visible character.
function character(byte) {
  if (CONTROLS[byte]) {
    const [picture, name] = CONTROLS[byte];
    return element('span', {class: 'control', 'data-name': name}, picture);
  }
  return byte > 32 && byte < 127 ? String.fromCharCode(byte) : '·';
}

function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

class Walk {
  constructor(box, number) {
    this.box = box;
    this.id = `walk-${number}`;
    this.text = box.querySelector('pre');
    this.frames = parseWalk(this.text.textContent);
    this.fields = this.frames.flatMap((frame) => frame.fields);
    this.current = -1;
    this.build();
  }

  build() {
    const speakers = new Set(this.frames.map((frame) => frame.speaker));
    const speaker = speakers.size === 1 ? [...speakers][0] : 'both';
    const size = this.fields.reduce((sum, field) => sum + field.bytes.length, 0);
    this.copied = element('button', {type: 'button', class: 'copy'}, 'Copy hex');
    this.copied.addEventListener('click', () => this.copy());
    this.bytes = this.bytesPane(speaker);
    this.list = this.fieldsPane(speaker);
    this.detail = element(
      'p',
      {class: 'detail', 'aria-live': 'polite'},
      'Point at a byte or a field; ↑ and ↓ step through them.',
    );
    const title = element(
      'p',
      {class: 'title'},
      element('strong', {class: 'way'}, WAYS[speaker]),
      ` ${size} bytes `,
      this.copied,
    );
    this.widget = element(
      'div',
      {
        class: `alive by-${speaker}`,
        role: 'group',
        'aria-label': `Byte walk ${this.id}, sent by ${speaker === 'both' ? 'both' : `the ${speaker}`}, ${size} bytes`,
      },
      title,
      element('div', {class: 'panes'}, this.bytes, this.list),
      this.detail,
    );
    for (const pane of [this.bytes, this.list]) {
      pane.addEventListener('mouseover', (event) => this.point(event.target));
      pane.addEventListener('click', (event) => this.point(event.target));
      pane.addEventListener('focus', () => this.light(Math.max(this.current, 0)));
      pane.addEventListener('keydown', (event) => this.key(event));
    }
    this.box.append(this.widget);
    this.box.classList.add('has-alive');
  }

  // Each frame in rows of eight: offset, hexadecimal, characters.
  bytesPane(speaker) {
    const pane = element('div', {class: 'bytes', tabindex: '0', role: 'group', 'aria-label': 'Bytes'});
    for (const frame of this.frames) {
      pane.append(element('div', {class: `frame by-${frame.speaker}`}, heading(frame, speaker)));
      const all = frame.fields.flatMap((field) =>
        field.bytes.map((byte) => ({byte, index: this.fields.indexOf(field)})),
      );
      for (let at = 0; at < all.length; at += PER_ROW) {
        const here = all.slice(at, at + PER_ROW);
        const cells = (show, kind) =>
          element(
            'span',
            {class: kind},
            ...here.map(({byte, index}) =>
              element('span', {'data-field': index, class: index % 2 ? 'odd' : 'even'}, show(byte)),
            ),
          );
        pane.append(
          element(
            'div',
            {class: 'row'},
            element('span', {class: 'offset'}, offsetText(frame.fields[0].offset + at)),
            cells(hex, 'hex'),
            cells(character, 'characters'),
          ),
        );
      }
    }
    return pane;
  }

  fieldsPane(speaker) {
    const list = element('div', {class: 'fields', tabindex: '0', role: 'listbox', 'aria-label': 'Fields'});
    this.options = this.fields.map((field, index) =>
      element(
        'div',
        {role: 'option', id: `${this.id}-${index}`, 'data-field': index, 'aria-selected': 'false'},
        element('span', {class: 'offset'}, offsetText(field.offset)),
        element(
          'span',
          {class: 'characters'},
          ...field.bytes.slice(0, MOST_SHOWN).map(character),
          field.bytes.length > MOST_SHOWN ? '…' : '',
        ),
        element('span', {class: 'meaning'}, field.meaning),
        element('span', {class: 'section'}, field.section),
      ),
    );
    for (const frame of this.frames) {
      const inside = frame.fields.map((field) => this.options[this.fields.indexOf(field)]);
      list.append(
        element(
          'div',
          {role: 'group', 'aria-label': frame.title},
          element(
            'div',
            {class: `frame by-${frame.speaker}`, 'aria-hidden': 'true'},
            heading(frame, speaker),
          ),
          ...inside,
        ),
      );
    }
    return list;
  }

  point(target) {
    const field = target.closest('[data-field]')?.dataset.field;
    if (field !== undefined) this.light(Number(field), false);
  }

  key(event) {
    const last = this.fields.length - 1;
    const to = {
      ArrowDown: this.current + 1,
      ArrowRight: this.current + 1,
      ArrowUp: this.current - 1,
      ArrowLeft: this.current - 1,
      Home: 0,
      End: last,
    }[event.key];
    if (to === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation(); // the page's arrow keys turn pages
    this.light(Math.min(Math.max(to, 0), last));
  }

  // Lights a field in both panes, and says all about it below them.
  light(index, scroll = true) {
    if (index === this.current) return;
    for (const lit of this.widget.querySelectorAll('.lit')) {
      lit.classList.remove('lit');
      if (lit.role === 'option') lit.setAttribute('aria-selected', 'false');
    }
    this.current = index;
    for (const part of this.widget.querySelectorAll(`[data-field="${index}"]`)) part.classList.add('lit');
    const option = this.options[index];
    option.setAttribute('aria-selected', 'true');
    this.list.setAttribute('aria-activedescendant', option.id);
    if (scroll) {
      reveal(this.list, option);
      reveal(this.bytes, this.bytes.querySelector('.lit'));
    }
    this.describe(this.fields[index]);
  }

  describe(field) {
    const size = `${field.bytes.length} ${field.bytes.length === 1 ? 'byte' : 'bytes'}: `;
    const parts = [
      size,
      element('code', {}, field.bytes.map(hex).join(' ')),
      ' ',
      element('code', {}, ...field.bytes.map(character)),
      ` ${field.meaning} `,
    ];
    const rfc = /^RFC (\d+) §([\d.]+)$/.exec(field.section);
    if (rfc)
      parts.push(
        element('a', {href: `https://www.rfc-editor.org/rfc/rfc${rfc[1]}#section-${rfc[2]}`}, field.section),
      );
    else parts.push(field.section);
    this.detail.replaceChildren(...parts);
  }

  async copy() {
    const text = this.fields
      .flatMap((field) => field.bytes)
      .map(hex)
      .join(' ');
    const done = await copyText(text);
    this.copied.textContent = done ? 'Copied' : 'Not copied';
    setTimeout(() => {
      this.copied.textContent = 'Copy hex';
    }, 1500);
  }
}

// A frame's title; where both sides speak, with who does.
function heading(frame, speaker) {
  return speaker === 'both' ? `${WAYS[frame.speaker]}  ${frame.title}` : frame.title;
}

// Scrolls a pane, and never the page.
function reveal(pane, part) {
  const box = pane.getBoundingClientRect(),
    inside = part.getBoundingClientRect();
  if (inside.top < box.top) pane.scrollTop -= box.top - inside.top;
  if (inside.bottom > box.bottom) pane.scrollTop += inside.bottom - box.bottom;
}

// The clipboard's own interface is missing where a page comes neither from TLS nor from this machine.
async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = element('textarea', {class: 'off-screen'});
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand('copy');
    area.remove();
    return done;
  }
}

document.querySelectorAll('.walk').forEach((box, number) => new Walk(box, number));

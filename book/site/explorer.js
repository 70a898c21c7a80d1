// The wire explorer: bytes in, the same text out that `labs/run http1 explain` prints, from the same decoders.
// A protocol is a script, explorer/<chapter>.js, with the decoders as WebAssembly; see explorer.py.
'use strict';

// A chapter's decoders. They ask the system for nothing that we would give them.
class Decoders {
  static async load(chapter) {
    if (!window.explorerModules?.[chapter]) {
      await new Promise((resolve, reject) => {
        const script = document.createElement('script');
        script.src = `${document.body.dataset.root}explorer/${chapter}.js`;
        script.onload = resolve;
        script.onerror = () =>
          reject(new Error(`the decoders of ${chapter} are missing: this site was built without them`));
        document.head.append(script);
      });
    }
    const data = window.explorerModules[chapter];
    return new Decoders(data, await WebAssembly.compile(fromBase64(data.wasm)));
  }

  constructor(data, module) {
    this.examples = data.examples;
    this.module = module;
  }

  // A fresh instance for each conversation: whatever happened to the last one is gone.
  // said: [[who, Uint8Array], ...]; who is 'client', 'server', or '' where the bytes have to tell.
  explain(said) {
    const nothing = new Proxy({}, {get: () => () => 8}); // 8: bad file descriptor
    const {exports: wasm} = new WebAssembly.Instance(this.module, {wasi_snapshot_preview1: nothing});
    wasm._initialize();
    for (const [who, bytes] of said) {
      const at = wasm.room(bytes.length);
      new Uint8Array(wasm.memory.buffer, at, bytes.length).set(bytes);
      wasm.say(['', 'client', 'server'].indexOf(who));
    }
    const start = wasm.explain();
    const memory = new Uint8Array(wasm.memory.buffer);
    return new TextDecoder().decode(memory.subarray(start, memory.indexOf(0, start)));
  }
}

function fromBase64(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

// Hexadecimal as labs/run takes it: white space, commas, colons and 0x do not count.
function fromHex(text) {
  const digits = text.replace(/0x|[\s:,]/g, '');
  if (!/^([0-9a-fA-F]{2})+$/.test(digits)) return null;
  return Uint8Array.from(digits.match(/../g), (pair) => parseInt(pair, 16));
}

// Text with \r \n \t \0 \\ \xNN for what cannot be typed. Without any of these, each line ends in CR LF;
// with them, line breaks in the box only keep it readable.
function fromText(text) {
  const escape = /\\(?:r|n|t|0|\\|x[0-9a-fA-F]{2})/g;
  const plain = text.search(escape) >= 0 ? text.replace(/\r?\n/g, '') : text.replace(/\r?\n/g, '\r\n');
  const bytes = [];
  const add = (piece) => new TextEncoder().encode(piece).forEach((byte) => bytes.push(byte));
  let last = 0;
  for (const found of plain.matchAll(escape)) {
    add(plain.slice(last, found.index));
    bytes.push(unescaped(found[0]));
    last = found.index + found[0].length;
  }
  add(plain.slice(last));
  return Uint8Array.from(bytes);
}

function unescaped(escape) {
  const known = {r: 13, n: 10, t: 9, 0: 0, '\\': 92};
  return escape[1] === 'x' ? parseInt(escape.slice(2), 16) : known[escape[1]];
}

// What was typed: lines that begin with "> " or "< " are a conversation, anything else is one side's bytes.
function parseInput(text, form, speaker) {
  const turns = text.split('\n').filter((line) => line.trim());
  const lines = turns.map((line) => /^([<>]) (.*)$/.exec(line));
  if (lines.length > 0 && lines.every(Boolean)) {
    return lines.map(([, mark, rest]) => [mark === '>' ? 'client' : 'server', parseBytes(rest, form)]);
  }
  return [[speaker, parseBytes(text, form)]];
}

function parseBytes(text, form) {
  const bytes = form === 'text' ? null : fromHex(text);
  if (form === 'hex' && !bytes) throw new Error('these are no bytes in hexadecimal');
  return bytes || fromText(text);
}

// --- The page.

class Explorer {
  constructor(form) {
    this.form = form.elements;
    this.output = document.getElementById('explained');
    this.status = document.getElementById('explorer-status');
    form.addEventListener('submit', (event) => event.preventDefault());
    form.addEventListener('input', (event) => this.changed(event.target));
    for (const kind of ['dragover', 'drop']) {
      form.addEventListener(kind, (event) => {
        event.preventDefault();
        if (event.dataTransfer.files.length > 0) this.open(event.dataTransfer.files[0]);
      });
    }
    this.start();
  }

  async start() {
    try {
      this.decoders = await Decoders.load(this.form.protocol.value);
    } catch (error) {
      return this.refuse(error);
    }
    const options = this.decoders.examples.map((example, number) => new Option(example.title, number));
    this.form.example.replaceChildren(new Option('choose one …', ''), ...options);
    this.show();
  }

  changed(control) {
    if (control === this.form.protocol) this.start();
    else if (control === this.form.capture) this.open(control.files[0]);
    else if (control === this.form.example) this.choose(control.value);
    else this.show();
  }

  choose(number) {
    if (number === '') return;
    const example = this.decoders.examples[number];
    if (example.pcap) return this.explainCapture(fromBase64(example.pcap), example.title);
    this.form.input.value = example.said
      .map(([who, text]) => `${who === 'client' ? '>' : '<'} ${text}`)
      .join('\n');
    this.show();
  }

  async open(file) {
    if (file) this.explainCapture(new Uint8Array(await file.arrayBuffer()), file.name);
  }

  show() {
    const text = this.form.input.value;
    if (!text.trim()) return this.print('', 'Nothing to explain yet.');
    try {
      this.explain([['', parseInput(text, this.form.form.value, this.form.speaker.value)]]);
    } catch (error) {
      this.refuse(error);
    }
  }

  explainCapture(bytes, name) {
    this.form.input.value = '';
    try {
      const connections = readCapture(bytes);
      if (connections.length === 0) throw new Error('nothing was said over TCP in this capture');
      this.explain(
        connections.map((one) => [`--- ${one.client} to ${one.server}\n`, one.said]),
        `${name}: `,
      );
    } catch (error) {
      this.refuse(error);
    }
  }

  explain(conversations, name = '') {
    let text;
    try {
      text = conversations.map(([title, said]) => title + this.decoders.explain(said).trimEnd()).join('\n');
    } catch (error) {
      if (!(error instanceof WebAssembly.RuntimeError)) throw error;
      throw new Error('the decoder stopped at these bytes: that is a bug of ours, please report it');
    }
    const size = conversations.flatMap(([, said]) => said).reduce((sum, [, bytes]) => sum + bytes.length, 0);
    const faults = text.split('\n').filter((line) => line.startsWith('  !  ')).length;
    const verdict = faults === 0 ? 'no rule broken' : `${faults} ${faults === 1 ? 'rule' : 'rules'} broken`;
    this.print(text, `${name}${size} ${size === 1 ? 'byte' : 'bytes'}, ${verdict}.`);
  }

  refuse(error) {
    this.print('', error.message);
  }

  // The text, untouched, with frames marked by who sent them and sections as links.
  print(text, status) {
    this.status.textContent = status;
    this.output.replaceChildren(...text.split(/(?<=\n)/).map(printedLine));
    this.output.hidden = !text;
    makeScrollable();
  }
}

function printedLine(line) {
  const said = /^client ([→←]) server {2}/.exec(line);
  const kind = said
    ? said[1] === '→'
      ? 'by-client'
      : 'by-server'
    : line.startsWith('  !  ')
      ? 'refused'
      : 'said';
  const shown = element('span', {class: kind});
  let last = 0;
  for (const rfc of line.matchAll(/RFC (\d+) §([0-9]+(?:\.[0-9]+)*)$/gm)) {
    shown.append(
      line.slice(last, rfc.index),
      element('a', {href: `https://www.rfc-editor.org/rfc/rfc${rfc[1]}#section-${rfc[2]}`}, rfc[0]),
    );
    last = rfc.index + rfc[0].length;
  }
  shown.append(line.slice(last));
  return shown;
}

const form = document.getElementById('explorer');
if (form) new Explorer(form);

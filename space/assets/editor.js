// The editor: a text area over a coloured copy of its text. `props.value` is the value of the component.
// Nothing here writes HTML: texts become text nodes.
const MAX_COLOURED = 20000; // characters a program may have; a longer text is not coloured, counted or checked
const MAX_TEXT = 40000; // more than that is not taken: browsers need many seconds to lay such a text out
const CHECK_AFTER = 300; // milliseconds without a key
const find = (name) => element.querySelector(name);
const area = find(".area"), paint = find(".paint"), numbers = find(".numbers");
const tooLong = find(".too-long"), list = find(".flaws"), sheet = find(".sheet");
const TOO_LONG = "This text is too long for a program: it is neither coloured nor checked, and it will not be run.";
let flaws = []; // what `check` said of the text as it is now, or was a moment ago
let fresh = false; // whether `flaws` belong to the text as it is now
let asked = 0; // questions so far; an answer to an earlier one is dropped
let timer = 0;
let drawing = 0; // the frame that is asked for
let rows = [], numbered = ""; // what is drawn, line by line
let leaving = false; // Escape was pressed: the next Tab leaves the editor
let grammar = null, grammarOf = "";

function settings() {
  const value = props.value;
  return value && typeof value === "object" ? value : {};
}

function pattern() {
  const { words = [], comment = "", pipe = "", long_texts = false } = settings();
  const key = JSON.stringify([words, comment, pipe, long_texts]);
  if (key !== grammarOf) {
    const exactly = (text) => text.replace(/[.*+?^${}()|[\]\\\/]/g, "\\$&");
    const kinds = [
      comment && `(?<comment>${exactly(comment)}.*)`,
      pipe && `(?<pipe>${exactly(pipe)})`,
      long_texts && `(?<long>"""|''')`,
      `(?<text>"(?:[^"\\\\]|\\\\.)*"?|'(?:[^'\\\\]|\\\\.)*'?)`,
      "(?<number>\\d[\\d.]*)",
      "(?<name>[\\p{L}\\p{N}_]+)",
      "[<>=!+*/-]+|\\s+|.",
    ];
    grammar = { words: new Set(words), long: Boolean(long_texts), pattern: new RegExp(kinds.filter(Boolean).join("|"), "gu") };
    grammarOf = key;
  }
  return grammar;
}

// Where a text in triple quotes ends, looked for from a place on: after its quotes, or -1 for a later line.
function closing(line, from, quotes) {
  for (let at = from; at < line.length; at += line[at] === "\\" ? 2 : 1) {
    if (line.startsWith(quotes, at)) return at + quotes.length;
  }
  return -1;
}

// The parts of a line: [kind, text], together the line. `open` are the quotes of a text that the lines above
// have left open, or nothing; what comes back has those that this line leaves open.
function pieces(line, open) {
  const { words, pattern: how } = pattern();
  const parts = [];
  for (let place = 0; place < line.length; place += parts.at(-1)[1].length) {
    how.lastIndex = place;
    const match = open ? null : how.exec(line);
    const kind = match && Object.keys(match.groups).find((name) => match.groups[name] !== undefined);
    if (match && kind !== "long") {
      parts.push([kind === "name" ? (words.has(match[0]) ? "word" : "") : kind || "", match[0]]);
      continue;
    }
    const quotes = open || match[0];
    const end = closing(line, open ? place : place + quotes.length, quotes);
    parts.push(["text", end < 0 ? line.slice(place) : line.slice(place, end)]);
    open = end < 0 ? quotes : "";
  }
  return { parts, open };
}

function span(kind, text) {
  const made = document.createElement("span");
  if (kind) made.className = kind;
  made.textContent = text;
  return made;
}

// Columns count characters, a string of a script counts halves of some of them.
function offset(line, column) {
  return Array.from(line).slice(0, Math.max(0, column - 1)).join("").length;
}

// Where the flaws of a line begin and end in it.
function marksOf(line, number) {
  const here = fresh ? flaws.filter((flaw) => flaw.line === number) : [];
  return here.map((flaw) => [offset(line, flaw.column), offset(line, Math.max(flaw.end, flaw.column + 1))]);
}

function painted(parts, marks) {
  const made = [];
  let place = 0;
  for (const [kind, text] of parts) {
    const edges = marks.flat().map((edge) => edge - place).filter((edge) => edge > 0 && edge < text.length);
    const cuts = [0, ...edges.sort((a, b) => a - b), text.length];
    for (let n = 1; n < cuts.length; n += 1) {
      const from = place + cuts[n - 1];
      const flawed = marks.some(([start, end]) => start <= from && from < end);
      const kinds = `${kind}${flawed ? " flaw" : ""}`.trim();
      const part = text.slice(cuts[n - 1], cuts[n]);
      made.push(kinds ? span(kinds, part) : part);
    }
    place += text.length;
  }
  if (marks.some(([start]) => start >= place)) made.push(span("flaw", " ")); // something is missing at the end
  return made;
}

function row({ line, marks, open }) {
  const made = document.createElement("div");
  made.append(...painted(pieces(line, open).parts, marks), "\n");
  return made;
}

// Only lines that changed are made anew, and those below quotes that opened or closed.
function drawText(lines) {
  let after = "";
  const wanted = lines.map((line, index) => {
    const marks = marksOf(line, index + 1), open = after;
    if (grammar.long) after = pieces(line, open).open;
    return { line, marks, open, key: JSON.stringify([line, marks, open, grammarOf]) };
  });
  const shorter = Math.min(rows.length, wanted.length);
  let start = 0, end = 0;
  while (start < shorter && rows[start] === wanted[start].key) start += 1;
  while (end < shorter - start && rows.at(-1 - end) === wanted.at(-1 - end).key) end += 1;
  const old = Array.from(paint.children).slice(start, rows.length - end);
  const next = paint.children[rows.length - end] || null;
  const made = document.createDocumentFragment();
  wanted.slice(start, wanted.length - end).forEach((one) => made.append(row(one)));
  old.forEach((node) => node.remove());
  paint.insertBefore(made, next);
  rows = wanted.map((one) => one.key);
}

function drawNumbers(count) {
  const marked = new Set(flaws.map((flaw) => flaw.line));
  const key = `${count} ${Array.from(marked)}`;
  if (key === numbered) return;
  numbered = key;
  const made = Array.from({ length: count }, (_, index) => span(marked.has(index + 1) ? "marked" : "", `${index + 1}\n`));
  numbers.replaceChildren(...made);
}

function draw() {
  const code = area.value;
  const long = code.length > MAX_COLOURED;
  sheet.classList.toggle("plain-text", long);
  tooLong.hidden = !long;
  tooLong.textContent = TOO_LONG;
  pattern(); // the words may be others than before
  const lines = long ? [] : code.split("\n");
  drawText(lines);
  drawNumbers(lines.length);
  sheet.style.setProperty("--lines", Math.min(Math.max(lines.length + 1, 10), 26));
}

// Once a frame: text that is pasted or set may arrive line by line.
function drawSoon() {
  if (!drawing) drawing = requestAnimationFrame(() => { drawing = 0; draw(); });
}

function follow() {
  paint.style.transform = `translate(${-area.scrollLeft}px, ${-area.scrollTop}px)`;
  numbers.style.transform = `translateY(${-area.scrollTop}px)`;
}

function say() {
  const shown = flaws.slice(0, 8).map((flaw) => {
    const item = document.createElement("li");
    const place = flaw.line ? `Line ${flaw.line}: ` : "";
    item.append(span("place", place), span("", flaw.message));
    if (flaw.help) item.append(span("help", ` ${flaw.help}`));
    return item;
  });
  if (flaws.length > 8) shown.push(Object.assign(document.createElement("li"), { textContent: `and ${flaws.length - 8} more` }));
  list.replaceChildren(...shown);
}

const isFlaw = (flaw) => flaw && typeof flaw === "object" && typeof flaw.message === "string";

async function check() {
  asked += 1;
  const question = asked;
  const { key = "", locked } = settings();
  const code = area.value;
  let found = [];
  if (props.checked && key && !locked && code.length <= MAX_COLOURED) {
    try {
      const answer = await server.check({ key, code });
      found = Array.isArray(answer) ? answer.filter(isFlaw) : [];
    } catch (error) {
      found = []; // the app cannot be reached: it says so itself
    }
  }
  if (question !== asked) return;
  flaws = found;
  fresh = true;
  draw();
  say();
}

// Refuses a text that is too long before the browser lays it out, however it comes.
function refuse(length) {
  tooLong.hidden = false;
  tooLong.textContent = `That would be ${length.toLocaleString("en")} characters, a program has at most ${MAX_COLOURED.toLocaleString("en")}: it was not taken over.`;
}

function beforeInput(event) {
  const coming = event.data || (event.dataTransfer && event.dataTransfer.getData("text/plain")) || "";
  const length = area.value.length - (area.selectionEnd - area.selectionStart) + coming.length;
  if (coming && length > MAX_TEXT) {
    event.preventDefault();
    refuse(length);
  }
}

function typed() {
  if (area.value.length > MAX_TEXT) {
    const length = area.value.length;
    area.value = settings().code || "";
    refuse(length);
    return;
  }
  props.value = { ...settings(), code: area.value };
  asked += 1; // what is on its way is about an older text
  fresh = false;
  drawSoon();
  clearTimeout(timer);
  timer = setTimeout(() => { check(); trigger("edit"); }, CHECK_AFTER);
}

// As if typed: this way it can be undone.
function insert(text) {
  if (!document.execCommand("insertText", false, text)) {
    area.setRangeText(text, area.selectionStart, area.selectionEnd, "end");
    typed();
  }
}

function press(id) {
  const found = id && document.getElementById(id);
  const button = found && (found.matches("button") ? found : found.querySelector("button"));
  if (button) button.click();
}

function key(event) {
  if (event.isComposing) return;
  const wasLeaving = leaving;
  leaving = event.key === "Escape";
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    press(event.shiftKey ? props.submit_button : props.run_button);
  } else if (area.readOnly || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) {
    return;
  } else if (event.key === "Tab" && !wasLeaving) {
    event.preventDefault();
    insert("  ");
  } else if (event.key === "Enter") {
    event.preventDefault();
    const line = area.value.slice(0, area.selectionStart).split("\n").pop();
    insert(`\n${/^[ \t]*/.exec(line)[0]}`);
  }
}

// What is wrong at the place of the mouse, or in the line of a number.
function hint(event) {
  const style = getComputedStyle(area);
  const box = sheet.getBoundingClientRect();
  const line = 1 + Math.floor((event.clientY - box.top - parseFloat(style.paddingTop) + area.scrollTop) / parseFloat(style.lineHeight));
  const said = flaws.filter((flaw) => flaw.line === line).map((flaw) => flaw.message);
  sheet.title = fresh ? said.join("\n") : "";
}

function show() {
  const { code = "", locked = false } = settings();
  if (area.value !== code) {
    area.value = String(code).slice(0, MAX_TEXT);
    area.scrollTop = area.scrollLeft = 0;
  }
  area.readOnly = Boolean(locked);
  sheet.classList.toggle("locked", Boolean(locked));
  clearTimeout(timer);
  fresh = false;
  flaws = [];
  say();
  draw();
  check();
}

area.setAttribute("aria-label", props.editor_label || "Program");
area.title = "";
area.addEventListener("beforeinput", beforeInput);
area.addEventListener("input", typed);
area.addEventListener("keydown", key);
area.addEventListener("blur", () => { leaving = false; });
area.addEventListener("scroll", follow, { passive: true });
sheet.addEventListener("mousemove", hint);
watch("value", show);
show();

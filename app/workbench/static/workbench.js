"use strict";
const $ = (id) => document.getElementById(id);
const make = (name, text = "", kind = "") => Object.assign(document.createElement(name), { textContent: text, className: kind });
const page = document.body.dataset.page;
for (const found of document.querySelectorAll(".scripted")) found.hidden = false;

/* Evidence: a sentence lights up its spans of the findings, a span lights up its sentences. */
const light = (from, on) => {
  const one = from.closest?.("[data-claim], [data-claims], .quote");
  if (!one) return;
  const keys = one.dataset.claims?.split(" ") ?? [one.closest("[data-claim]")?.dataset.claim];
  const lit = new Set([one]);
  for (const key of keys.filter(Boolean)) {
    for (const claim of document.querySelectorAll(`[data-claim="${key}"]`)) lit.add(claim);
    if (!one.dataset.claims) for (const piece of document.querySelectorAll(`[data-claims~="${key}"]`)) lit.add(piece);
  }
  if (one.matches(".quote")) {
    const [start, end] = [Number(one.dataset.start), Number(one.dataset.end)];
    for (const piece of document.querySelectorAll(".piece[data-start]"))
      if (start <= Number(piece.dataset.start) && Number(piece.dataset.end) <= end) lit.add(piece);
  }
  for (const each of lit) each.classList.toggle("lit", on);
};
for (const [name, on] of [["mouseover", true], ["focusin", true], ["mouseout", false], ["focusout", false]])
  document.addEventListener(name, (event) => light(event.target, on));

/* A link to a verdict or a form opens what hides it. */
const reveal = () => {
  const target = location.hash ? $(location.hash.slice(1)) : null;
  for (let at = target; at; at = at.parentElement) if (at.matches("details")) at.open = true;
  target?.scrollIntoView({ block: "nearest" });
};
addEventListener("hashchange", reveal);
reveal();

/* Copy: the text as it stands in its field, edits included. */
const copy = async (button) => {
  const field = $(button.dataset.copy), said = button.parentElement.querySelector("[role=status]");
  const review = button.closest(".text").querySelector(".review");
  try {
    await navigator.clipboard.writeText(field.value);
  } catch {
    const details = field.closest("details"), was = details.open;
    details.open = true;
    field.select();
    document.execCommand("copy");
    details.open = was;
  }
  said.textContent = review ? "Copied. It needs review before it is used." : "Copied.";
};
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copy(button);
});

/* Home: a text file is opened or dropped; the run is watched as it goes. */
if (page === "home") {
  const form = $("run"), report = $("report"), live = $("live"), rounds = $("rounds"), news = $("news"), problem = $("problem");
  const words = { supported: "proven", unsupported: "not proven", contradicted: "contradicted", undecided: "undecided" };
  const order = ["draft", "brief", "bullet", "comprehensive"], LOADING = "urn:coarse2fine:not_ready", PAUSE = 1000;
  let abort = null;
  const read = async (file) => { if (file) report.value = await file.text(); };
  $("file").addEventListener("change", (event) => read(event.target.files[0]));
  for (const [name, over] of [["dragover", true], ["dragleave", false], ["drop", false]])
    report.addEventListener(name, (event) => {
      report.classList.toggle("over", over);
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      if (name === "drop") read(event.dataTransfer.files[0]);
    });

  $("sample").addEventListener("click", () => { report.value = form.dataset.sample; report.focus(); });

  const going = (on) => {
    $("submit").disabled = on;
    $("cancel").hidden = !on;
    form.setAttribute("aria-busy", on);
  };
  const fail = (text) => { problem.textContent = `✘ ${text}`; problem.scrollIntoView({ block: "nearest" }); };
  const faults = (found) => {
    for (const [name, text] of Object.entries(found)) {
      const field = $(name);
      if (!field) { fail(`${name} ${text}`); continue; }
      const said = make("p", `✘ ${text}`, "wrong");
      said.id = `${name}-wrong`;
      field.setAttribute("aria-invalid", "true");
      field.setAttribute("aria-describedby", said.id);
      field.closest("p").after(said);
      field.focus();
    }
  };
  const clear = () => {
    problem.textContent = "";
    for (const old of form.querySelectorAll(".wrong")) old.remove();
    for (const field of form.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
    rounds.replaceChildren();
    live.hidden = true;
  };
  const tell = (counts, omitted) =>
    [...Object.entries(counts).map(([label, count]) => `${count} ${words[label]}`), ...(omitted ? [`${omitted} not addressed`] : [])].join(", ");
  const shown = (round, state) => {
    const counts = {};
    for (const verdict of round.verdicts) counts[verdict.label] = (counts[verdict.label] ?? 0) + 1;
    const line = `${round.passed ? "✔" : "✘"} ${tell(counts, round.omissions.length) || "nothing to judge"}`;
    let box = $(`live-${round.audience}`);
    if (!box) {
      box = make("section", "", "text");
      box.id = `live-${round.audience}`;
      box.append(make("h3", round.audience), make("p", "", "verdict"), make("p", "", "words"));
      const later = order.slice(order.indexOf(round.audience) + 1).map((name) => $(`live-${name}`)).find(Boolean);
      rounds.insertBefore(box, later ?? null);
    }
    box.children[0].textContent = `${round.audience}, round ${round.round}: ${round.step}`;
    box.children[1].textContent = line;
    box.children[1].className = round.passed ? "label passed" : "label failed";
    box.children[2].textContent = round.text;
    news.textContent = `${box.children[0].textContent}. ${line}`;
    if (round.passed) state.done.add(round.audience); else state.done.delete(round.audience);
    $("progress").value = state.done.size;
    $("stage").textContent = `${state.done.size} of ${state.wanted} texts passed`;
  };
  const finish = (result) => {
    const where = `/workbench/runs/${encodeURIComponent(result.trace_id)}`;
    if (!result.warnings.length) return location.assign(where);
    return fail(`The run is done, but: ${result.warnings.join("; ")}`);
  };
  const take = (block, state) => {
    const fields = Object.fromEntries(block.split("\n").filter((line) => line && !line.startsWith(":")).map((line) => line.split(/: (.*)/s)));
    if (fields.event === "round") shown(JSON.parse(fields.data), state);
    if (fields.event === "result") { state.over = true; finish(JSON.parse(fields.data)); }
    if (fields.event === "error") { state.over = true; fail(JSON.parse(fields.data).detail); }
  };
  const begin = (words, state) => {
    if (live.hidden) { live.hidden = false; live.scrollIntoView({ block: "nearest" }); }
    $("progress").max = state.wanted;
    $("progress").value = 0;
    $("stage").textContent = words;
  };
  const watch = async () => {
    const data = new URLSearchParams(new FormData(form));
    const state = { done: new Set(), wanted: 1 + data.getAll("audience").length, over: false };
    let answer = null;
    for (;;) {
      answer = await fetch(form.action, { method: "POST", body: data, headers: { Accept: "text/event-stream" }, signal: abort.signal });
      if (answer.ok) break;
      const why = await answer.json();
      if (why.type !== LOADING) return why.errors ? faults(why.errors) : fail(why.detail);
      begin("The models are being loaded", state);
      await new Promise((then) => setTimeout(then, PAUSE));
    }
    $("loading")?.remove();
    begin("Waiting for the first text", state);
    let rest = "";
    for (const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader(); ;) {
      const { value, done } = await reader.read();
      if (done) break;
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) take(block, state);
    }
    if (!state.over) fail("The connection ended before the result; the report is still in its field.");
    return undefined;
  };
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (abort) return;
    clear();
    abort = new AbortController();
    going(true);
    const began = Date.now();
    const clock = setInterval(() => { $("seconds").textContent = `${Math.round((Date.now() - began) / 1000)} s`; }, 500);
    try {
      await watch();
    } catch (error) {
      if (error.name === "AbortError") news.textContent = $("stage").textContent = "Cancelled.";
      else fail("The server cannot be reached; the report is still in its field.");
    }
    clearInterval(clock);
    abort = null;
    going(false);
  });
  const cancel = () => { abort?.abort(); report.focus(); };
  $("cancel").addEventListener("click", cancel);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && abort) cancel();
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
}

/* Single keys, which can be turned off. */
const single = $("single-keys"), KEPT = "coarse2fine-single-keys";
single.checked = localStorage.getItem(KEPT) !== "off";
single.addEventListener("change", () => localStorage.setItem(KEPT, single.checked ? "on" : "off"));

const along = (step) => {
  const claims = [...document.querySelectorAll(".claim")], at = claims.indexOf(document.activeElement);
  claims[(at + step + claims.length + (at < 0 && step < 0)) % claims.length]?.focus();
};
if (page === "result")
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !event.target.matches(".feedback *")) return;
    (event.target.closest(".text").querySelector(".claim") ?? event.target.closest(".feedback").querySelector("summary")).focus();
  });
const mine = () => document.activeElement.closest(".text") ?? document.querySelector(".text");
const result = {
  j: () => along(1),
  k: () => along(-1),
  c: () => mine()?.querySelector("[data-copy]")?.click(),
  e: () => {
    const form = mine()?.querySelector(".feedback");
    if (!form) return;
    form.open = true;
    form.querySelector("textarea").focus();
  },
};
const pick = (input) => { input.checked = true; input.focus(); };
const rate = (key) => {
  const at = document.activeElement.closest("fieldset.dimension"), steps = [...document.querySelectorAll("fieldset.dimension")];
  const answer = (at ?? $("rating")).querySelectorAll("input")[Number(key) - 1];
  if (!answer) return;
  pick(answer);
  const next = at ? steps[steps.indexOf(at) + 1] : steps[0];
  const into = next ? (next.querySelector("input:checked") ?? next.querySelector("input")) : $("save");
  into.focus();
};
const study = { n: () => $("next")?.click(), p: () => $("previous")?.click(), 0: () => ($("rating").querySelector("input:checked") ?? $("rating-1")).focus() };
for (const digit of "12345") study[digit] = () => rate(digit);
const keys = { "?": () => { $("keys").open = !$("keys").open; $("keys").querySelector("summary").focus(); }, ...{ result, "study-item": study }[page] };
document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("textarea, select, input:not([type=radio], [type=checkbox])");
  if (!single.checked || typing || event.ctrlKey || event.metaKey || event.altKey || !Object.hasOwn(keys, event.key)) return;
  event.preventDefault();
  keys[event.key]();
});

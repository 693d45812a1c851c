// The interactive table. All text goes into the page as text nodes, never as HTML.
(() => {
  "use strict";

  const byId = (id) => document.getElementById(id);
  const PRINT_ROWS = 2000;
  const OPEN_GROUPS = 2000;
  const NARROW = matchMedia("(max-width: 40rem)").matches;

  const element = (tag, attributes = {}, ...children) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value !== null && value !== undefined) made.setAttribute(name, value);
    }
    made.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
    return made;
  };
  const isolated = (text) => element("bdi", {}, text ?? "");
  const tally = (number) => number.toLocaleString("en");
  const day = (time) => (time ?? "").slice(0, 10);
  const minute = (time) => (time ?? "").slice(0, 16).replace("T", " ");
  const verdictOf = (verdict) => element("span", { class: `verdict ${verdict}` }, verdict);
  const riskOf = (level) => (level ? element("span", { class: `risk ${level}` }, level) : "");
  const LEVELS = ["high", "medium", "low", ""];
  const KNOWN = { true: "yes", false: "no" };
  const UNUSED = ["stale", "never-used"];
  const OPEN = [...UNUSED, "unknown"];
  const uidPattern = /^[0-9a-f]{32}$/;

  const MEANINGS = {};
  async function read() {
    const bytes = Uint8Array.from(atob(byId("data").textContent), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const { columns, meanings } = await new Response(stream).json();
    Object.assign(MEANINGS, meanings);
    const coded = Object.entries(columns);
    return (columns.uid[1] ?? columns.uid[0]).map((_, n) => {
      const finding = {};
      for (const [name, [values, numbers]] of coded) finding[name] = values[numbers ? numbers[n] : n];
      return row(finding);
    });
  }

  function row(finding) {
    const { kind, id, created } = finding.credential;
    const credential = id === kind ? kind : `${kind} ${id}`;
    const where = `${finding.provider} ${finding.account}`;
    const policies = finding.policies.map((said) => said.policy).join(", ");
    const exemption = finding.exemption ? `${finding.exemption.reason} (until ${day(finding.exemption.expires) || "no date"})` : "";
    const texts = [finding.user, finding.user_id, finding.owner, credential, finding.reason, where, policies, exemption];
    const made = { ...finding, where, credential, created, policies, exemption, finding, found: texts.join("\n").toLowerCase() };
    return Object.assign(made, { risk: finding.risk?.level ?? "", privileged: KNOWN[finding.privileged] ?? "unknown", decision: finding.decision, decided: decidedOf(made) });
  }

  // ---- decisions: kept in this browser until they are exported -----------------------------------------

  const digest = byId("digest").textContent;
  const STORE = `c7n-unused ${digest}`;
  const local = new Map();
  const selected = new Set();
  const LONGEST = 179; // days; a decision ends with its day, at most 180 days after it was made

  const remembered = () => { try { return JSON.parse(localStorage.getItem(STORE) ?? "{}"); } catch { return {}; } };
  function remember() {
    try {
      localStorage.setItem(STORE, JSON.stringify({ reviewer: byId("reviewer").value, decisions: Object.fromEntries(local) }));
    } catch (error) {
      byId("decide-said").textContent = `This browser keeps nothing (${error.message}): export before you close the page.`;
    }
  }
  const decisionOf = (r) => local.get(r.uid) ?? r.finding.decision;
  function decidedOf(r) {
    const said = decisionOf(r);
    if (!said) return UNUSED.includes(r.verdict) ? "undecided" : "";
    return said.state && said.state !== "in-force" ? said.state : said.decision;
  }
  const inDays = (days) => new Date(Date.now() + days * 86400000).toISOString().slice(0, 10);
  function samePerson(reviewer, names) {
    const mine = reviewer.trim().toLowerCase();
    return names.filter(Boolean).map((name) => name.trim().toLowerCase()).some((name) =>
      mine === name || (!(mine.includes("@") && name.includes("@")) && mine.split("@")[0] === name.split("@")[0]));
  }

  function decide(rows) {
    const [reviewer, reason, choice, until] = ["reviewer", "reason", "choice", "until"].map((id) => byId(id).value.trim());
    if (!rows.length) return "Select rows first.";
    if (!reviewer || !reason) return "A decision needs your name and a reason.";
    if (choice !== "disable" && !(until > inDays(0) && until <= inDays(LONGEST))) return `It needs an end between tomorrow and ${inDays(LONGEST)}.`;
    const none = rows.filter((r) => !OPEN.includes(r.verdict) && !r.finding.decision);
    if (none.length) return `${none.length} of these are ${none[0].verdict}: there is nothing to decide. Filter by verdict first.`;
    const own = rows.filter((r) => samePerson(reviewer, [r.user, r.user_id]));
    if (own.length) return `Somebody else has to decide about ${own[0].user}.`;
    const decided_at = `${new Date().toISOString().slice(0, 19)}Z`;
    for (const r of rows) {
      local.set(r.uid, { decision: choice, reason, reviewer, decided_at, until: choice === "disable" ? null : `${until}T23:59:59Z` });
    }
    return `${rows.length} decided: ${choice}.`;
  }

  // What a decision rests on, as core/decision.py hashes it: computed here, for a hash in each row would not pack.
  async function basisOf({ uid, created, last_used }) {
    const parts = new TextEncoder().encode(JSON.stringify([uid, created, last_used]));
    const sum = await crypto.subtle.digest("SHA-256", parts);
    return Array.from(new Uint8Array(sum), (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  async function exported(rows) {
    const mine = rows.filter((r) => decisionOf(r) && (local.has(r.uid) || decidedOf(r) === decisionOf(r).decision));
    const decisions = await Promise.all(mine.map(async (r) => {
      const { decision, reason, reviewer, decided_at, until } = decisionOf(r);
      return { uid: r.uid, basis_sha256: await basisOf(r), decision, reason, reviewer, decided_at, until };
    }));
    return JSON.stringify({ schema: 1, report_sha256: digest, decisions }, null, 1);
  }

  function download(name, type, content) {
    const link = element("a", { href: URL.createObjectURL(new Blob([content], { type })), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.getAttribute("href")), 10000);
  }

  // A cell is never a formula, as in the CSV that the command writes.
  function csvCell(value) {
    const cell = /^ *[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/.test(value) ? `'${value}` : String(value ?? "");
    return /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
  }
  const CSV = ["risk", "verdict", "where", "owner", "user", "user_id", "credential", "created", "last_used", "days_unused", "reason", "phase", "next_action", "next_action_at", "decided", "uid"];
  const csv = (rows) => [CSV, ...rows.map((r) => CSV.map((field) => r[field]))].map((line) => line.map(csvCell).join(",")).join("\r\n") + "\r\n";

  // ---- columns -----------------------------------------------------------------------------------------

  const { compare } = new Intl.Collator("en");
  const byText = (a, b) => compare(a ?? "", b ?? "");
  const text = (cell) => isolated(cell.getValue());
  const date = (cell) => day(cell.getValue());
  const user = (cell) => {
    const data = cell.getData();
    const cellOf = element("span", {}, element("a", { href: `#${data.uid}` }, isolated(cell.getValue() || "(no name)")));
    if (data.finding.privileged) cellOf.prepend(element("span", { class: "tag" }, "privileged"), " ");
    if (NARROW) cellOf.append(element("small", {}, isolated(data.where), data.owner ? " · " : "", isolated(data.owner)));
    return cellOf;
  };
  const pick = (cell) => {
    const { uid, user, credential } = cell.getData();
    const box = element("input", { type: "checkbox", "data-pick": uid, "aria-label": `Select ${credential} of ${user}` });
    box.checked = selected.has(uid);
    return box;
  };
  const COLUMNS = [
    { title: "", field: "uid", width: 42, formatter: pick, titleFormatter: () => element("input", { type: "checkbox", id: "pick-all", "aria-label": "Select all that is shown" }), headerSort: false },
    { title: "Risk", field: "risk", width: 85, formatter: (cell) => riskOf(cell.getValue()), sorter: (a, b) => LEVELS.indexOf(a) - LEVELS.indexOf(b) },
    { title: "Verdict", field: "verdict", width: 118, formatter: (cell) => verdictOf(cell.getValue()) },
    { title: "Account", field: "where", width: 140, formatter: text },
    { title: "Owner", field: "owner", width: 145, formatter: text },
    { title: "User", field: "user", minWidth: NARROW ? 130 : 175, widthGrow: 2, formatter: user },
    { title: "Privileged", field: "privileged", width: 110 },
    { title: "Credential", field: "credential", width: 180, formatter: text },
    { title: "Days", field: "days_unused", width: 70, hozAlign: "right", sorter: "number" },
    { title: "Last used", field: "last_used", width: 105, formatter: date },
    { title: "Created", field: "created", width: 115, formatter: date },
    { title: "Decision", field: "decided", width: 110, formatter: text },
    { title: "Phase", field: "phase", width: 95 },
    { title: "Why", field: "reason", minWidth: 150, widthGrow: 3, formatter: text },
    { title: "Next", field: "next_action", width: 140, formatter: text },
    { title: "Next at", field: "next_action_at", width: 115, formatter: date },
    { title: "Exemption", field: "exemption", width: 220, formatter: text },
    { title: "Change", field: "change", width: 115 },
    { title: "First seen", field: "first_seen", width: 115, formatter: date },
    { title: "Type", field: "user_type", width: 100 },
    { title: "Policies", field: "policies", width: 260, formatter: text },
    { title: "Source", field: "basis", width: 160, formatter: text },
  ];
  const SHOWN = NARROW
    ? ["uid", "risk", "user", "days_unused"]
    : ["uid", "risk", "verdict", "where", "owner", "user", "credential", "days_unused", "last_used", "reason"];
  const OPTIONAL = innerWidth < 1500 ? ["decided"] : ["change", "decided"]; // no column may be cut off

  function columns(rows) {
    const inReview = rows.some((r) => r.decided && r.decided !== "undecided");
    const shown = new Set([...SHOWN, ...(NARROW || inReview ? [] : ["phase"]), ...(NARROW ? [] : OPTIONAL.filter((field) => rows.some((r) => r[field] && r[field] !== "undecided")))]);
    return COLUMNS.filter((column) => shown.has(column.field));
  }

  const fieldsOf = (grid) => grid.getColumns().map((column) => column.getField());
  // Only columns that are shown exist: a hidden one would be drawn in every row all the same.
  async function showColumn(grid, field, on = true) {
    const there = fieldsOf(grid);
    if (there.includes(field) === on) return;
    const place = COLUMNS.findIndex((column) => column.field === field);
    const before = COLUMNS.slice(0, place).reverse().find((column) => there.includes(column.field));
    await (on ? grid.addColumn(COLUMNS[place], false, before.field) : grid.deleteColumn(field));
    for (const box of byId("columns").querySelectorAll(`[data-column="${field}"]`)) box.checked = on;
    focusable(grid);
  }

  // ---- groups ------------------------------------------------------------------------------------------

  const GROUPS = [(r) => r.where, (r) => `${r.where}\n${r.owner ?? ""}`, (r) => `${r.where}\n${r.owner ?? ""}\n${r.user}`];
  const GROUP_NAMES = [(r) => r.where, (r) => (r.owner ? `owner ${r.owner}` : "no owner known"), (r) => r.user || "(no name)"];

  function groupHeader(level) {
    return (value, count, data) => {
      const name = data.length ? GROUP_NAMES[level](data[0]) : "";
      const extra = level === 1 && data.length && data[0].owner_source ? `, by ${data[0].owner_source}` : "";
      return element("b", {}, isolated(name), element("span", {}, `${extra} · ${tally(count)}`));
    };
  }

  // ---- one finding -------------------------------------------------------------------------------------

  function table(titles, lines) {
    const head = element("tr", {}, ...titles.map((title) => element("th", { scope: "col" }, title)));
    const body = lines.map((cells) => element("tr", {}, ...cells.map((cell) => element("td", {}, isolated(cell)))));
    return element("table", {}, element("thead", {}, head), element("tbody", {}, ...body));
  }

  function facts(finding) {
    const { kind, id, status, created } = finding.credential;
    const { exemption, done } = finding;
    const said = local.get(finding.uid) ?? finding.decision;
    const pairs = [
      [finding.verdict, MEANINGS[finding.verdict]],
      ["Why", finding.reason],
      ["Risk", finding.risk ? `${finding.risk.level}: ${finding.risk.reasons.join("; ")}` : null],
      ["Done", done ? `${done.operation}: ${done.result}, ${done.reason}${done.undo ? ` (undo: ${done.undo})` : ""}` : null],
      ["Decision", said ? `${said.decision}${said.until ? ` until ${day(said.until)}` : ""}: ${said.reason} (${said.reviewer}, ${day(said.decided_at)}${said.state ? `, ${said.state}` : ""})` : null],
      ["User", `${finding.user} (${finding.user_type}), id ${finding.user_id}, verdict ${finding.user_verdict}`],
      ["Account", `${finding.provider} ${finding.account}`],
      ["Privileged", KNOWN[finding.privileged] ?? "could not be read"],
      ["Owner", finding.owner ? `${finding.owner} (${finding.owner_source})` : "not known"],
      ["Credential", `${id === kind ? kind : `${kind} ${id}`}, ${status}, created ${minute(created) || "at an unknown date"}`],
      ["Last used", `${minute(finding.last_used) || "no use known"} (source: ${finding.basis})`],
      ["Judged", `as of ${minute(finding.as_of)} UTC, threshold ${finding.threshold_days} days`],
      ["Phase", finding.phase],
      ["Next", finding.next_action ? `${finding.next_action} from ${minute(finding.next_action_at) || "no date"} UTC` : "nothing"],
      ["Exemption", exemption ? `${exemption.reason}; approved by ${exemption.approved_by ?? "nobody named"}; expires ${minute(exemption.expires) || "never"}` : null],
      ["Since the last run", finding.change],
      ["First seen", minute(finding.first_seen)],
      ["Controls", finding.controls.join("; ")],
    ];
    return element("dl", {}, ...pairs.filter(([, value]) => value).flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, isolated(value))]));
  }

  function todo(finding) {
    const [what, command] = finding.step;
    const user = finding.user || finding.user_id;
    const quoted = /^[\w@%+=:,./-]+$/.test(user) ? user : `'${user.replaceAll("'", `'"'"'`)}'`;
    const page = finding.console.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(finding[name] ?? ""));
    const link = page ? element("a", { href: page, rel: "noopener noreferrer", target: "_blank" }, "Open in the cloud's console") : "";
    return element("p", {}, what, " ", command ? element("code", {}, isolated(command.replace("USER", () => quoted))) : "", " ", link);
  }

  function show(finding) {
    const close = element("button", { type: "button" }, "Close");
    close.addEventListener("click", () => byId("finding").close());
    const title = element("h2", { id: "finding-title" }, verdictOf(finding.verdict), " ", isolated(`${finding.credential.kind} of ${finding.user}`));
    const decideHere = element("button", { type: "button" }, "Decide");
    decideHere.addEventListener("click", () => dispatchEvent(new CustomEvent("decide-one", { detail: finding.uid })));
    byId("finding").replaceChildren(
      element("header", {}, title, element("span", {}, decideHere, " ", close)),
      element("h3", {}, "What to do"),
      todo(finding),
      facts(finding),
      element("h3", {}, "Evidence"),
      table(["Source", "Observed (UTC)", "Value"], finding.evidence.map((e) => [e.source, minute(e.observed_at), e.value])),
      element("h3", {}, "Policies"),
      table(["Policy", "Ran on", "Verdict", "Threshold"], finding.policies.map((p) => [p.policy, p.scope, p.verdict, `${p.threshold_days} days`])),
      element("p", { class: "muted" }, "Finding ", element("code", {}, finding.uid)),
    );
    byId("finding").dataset.uid = finding.uid;
    if (!byId("finding").open) byId("finding").showModal();
  }

  // ---- the page ----------------------------------------------------------------------------------------

  const CHOICES = ["keep", "disable", "ask-owner"];
  const DECIDED = ["undecided", ...CHOICES, "overdue", "used-since", "changed"];

  function options(select, values, all) {
    select.append(element("option", { value: "" }, "all"));
    const there = new Set(values);
    for (const value of all.length ? all.filter((v) => v && (all === DECIDED || there.has(v))) : [...there].filter(Boolean).sort()) select.append(element("option", { value }, value));
    select.closest("label").hidden = select.options.length < 2;
  }

  // Filters, grouping and the open row stand in the address, so that a link shows what its sender saw.
  function readState() {
    const hash = location.hash.slice(1);
    return uidPattern.test(hash) ? new URLSearchParams({ open: hash }) : new URLSearchParams(hash);
  }

  function start(rows) {
    const kept = remembered();
    byId("reviewer").value = kept.reviewer ?? "";
    for (const [uid, said] of Object.entries(kept.decisions ?? {})) local.set(uid, said);
    for (const r of rows) r.decided = decidedOf(r);
    byId("until").value = inDays(90);
    byId("until").min = inDays(1);
    byId("until").max = inDays(LONGEST);
    const byUid = new Map(rows.map((r) => [r.uid, r.finding]));
    const grid = new Tabulator("#table", {
      data: rows,
      columns: columns(rows),
      columnDefaults: { sorter: byText, headerSortTristate: true, resizable: "header" },
      rowHeight: NARROW ? undefined : 29, // one line each: nothing is measured, which takes longer than drawing
      height: rows.length > 12 ? "75vh" : "20rem",
      layout: "fitColumns",
      renderVerticalBuffer: 300,
      autoResize: false, // it draws anew when the table scrolls into view, and the keyboard's focus is lost
      placeholder: rows.length ? "No credential matches." : byId("table").dataset.empty,
      index: "uid",
      groupBy: byId("grouped").checked ? GROUPS : false,
      groupToggleElement: "header",
      groupHeader: GROUPS.map((_, level) => groupHeader(level)),
      groupStartOpen: rows.length <= OPEN_GROUPS ? [true, true, true] : [false, true, true],
      columnHeaderSortMulti: true,
      rowFormatter: (line) => line.getElement().classList.add("finding"),
    });
    const filters = ["risk", "verdict", "provider", "where", "owner", "privileged", "phase", "change", "decided"].map((field) => [field, byId(`filter-${field}`)]);
    for (const [field, select] of filters) options(select, rows.map((r) => r[field]), field === "risk" ? LEVELS : field === "decided" ? DECIDED : []);

    const shown = () => grid.getData("active");
    const apply = () => {
      const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
      const wanted = filters.filter(([, select]) => select.value).map(([field, select]) => [field, select.value]);
      const me = byId("mine").checked ? byId("reviewer").value.trim().toLowerCase() : "";
      grid.setFilter((r) => wanted.every(([field, value]) => r[field] === value) && words.every((word) => r.found.includes(word)) && (!me || (r.owner ?? "").toLowerCase() === me));
      write();
    };
    function write(open = byId("finding").open ? byId("finding").dataset.uid : "") {
      const state = new URLSearchParams();
      for (const [field, select] of filters) if (select.value) state.set(field, select.value);
      if (byId("search").value) state.set("q", byId("search").value);
      if (byId("grouped").checked) state.set("group", "1");
      if (byId("mine").checked) state.set("mine", "1");
      if (open) state.set("open", open);
      const address = state.size ? `#${state}` : location.pathname + location.search;
      if (address !== (location.hash || location.pathname + location.search)) history.replaceState(null, "", address);
    }
    const count = () => {
      const active = grid.getDataCount("active");
      byId("shown").textContent = `${tally(active)} of ${tally(rows.length)} credentials`;
    };
    const tell = () => {
      const open = rows.filter((r) => r.decided);
      byId("progress").textContent = [`decided ${tally(open.filter((r) => CHOICES.includes(r.decided)).length)} of ${tally(open.length)}`, `${tally(selected.size)} selected`].join(", ");
      byId("pick-all").checked = selected.size > 0;
    };
    const redraw = () => { for (const line of grid.getRows("visible")) line.reformat(); tell(); };
    const change = (act) => {
      const rowsOf = rows.filter((r) => selected.has(r.uid));
      byId("decide-said").textContent = act(rowsOf);
      for (const r of rowsOf) r.decided = decidedOf(r);
      remember();
      showColumn(grid, NARROW ? "risk" : "phase", false).then(() => showColumn(grid, "decided")); // nothing is cut off
      if (byId("filter-decided").value) apply();
      redraw();
    };

    let timer = 0;
    byId("search").addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(apply, 100); });
    for (const [, select] of filters) select.addEventListener("change", apply);
    byId("grouped").addEventListener("change", (event) => { grid.setGroupBy(event.target.checked ? GROUPS : false); write(); });
    byId("mine").addEventListener("change", apply);
    byId("reviewer").addEventListener("change", () => { remember(); if (byId("mine").checked) apply(); });
    byId("reset").addEventListener("click", () => {
      byId("search").value = "";
      byId("mine").checked = false;
      for (const [, select] of filters) select.value = "";
      grid.clearSort();
      apply();
    });
    byId("csv").addEventListener("click", () => download("credentials.csv", "text/csv", csv(shown())));
    byId("export").addEventListener("click", () => exported(rows)
      .then((content) => download("decisions.json", "application/json", content))
      .catch(() => { byId("decide-said").textContent = "This browser computes hashes only for a local file or https: open the report from there."; }));
    byId("decide").addEventListener("click", () => change(decide));
    byId("withdraw").addEventListener("click", () => change((some) => { for (const r of some) local.delete(r.uid); return `${some.length} taken back.`; }));
    byId("table").addEventListener("change", (event) => {
      const { checked, id, dataset } = event.target;
      if (id === "pick-all") {
        selected.clear();
        if (checked) for (const r of shown()) selected.add(r.uid);
        redraw();
      } else if (dataset.pick) {
        selected[checked ? "add" : "delete"](dataset.pick);
        tell();
      }
    });
    addEventListener("decide-one", ({ detail }) => {
      selected.clear();
      selected.add(detail);
      byId("finding").close();
      byId("review").open = true;
      redraw();
      byId(byId("reviewer").value ? "reason" : "reviewer").focus();
    });

    const jump = () => {
      const state = readState();
      const finding = byUid.get(state.get("open"));
      if (uidPattern.test(location.hash.slice(1))) { if (finding) { show(finding); write(finding.uid); } return; }
      for (const [field, select] of filters) select.value = state.get(field) ?? "";
      byId("search").value = state.get("q") ?? "";
      byId("mine").checked = state.has("mine");
      if (byId("grouped").checked !== state.has("group")) byId("grouped").click();
      apply();
      if (finding) { show(finding); write(finding.uid); }
    };
    addEventListener("hashchange", jump);
    byId("finding").addEventListener("close", () => write(""));
    grid.on("rowDblClick", (event, line) => { location.hash = line.getData().uid; });

    grid.on("dataFiltered", () => setTimeout(count));
    grid.on("tableBuilt", () => {
      byId("static").hidden = byId("static-more").hidden = true;
      byId("review").hidden = byId("controls").hidden = false;
      document.body.classList.add("printing");
      choose(grid);
      roles();
      keys(grid);
      count();
      tell();
      if (location.hash) jump();
    });
    let width = innerWidth;
    addEventListener("resize", () => {
      if (innerWidth !== width) grid.redraw();
      width = innerWidth;
    });
    addEventListener("beforeprint", () => {
      for (const folded of document.querySelectorAll("main details:not([open])")) folded.open = folded.dataset.forPrint = true;
      byId("print").replaceChildren(...printed(grid));
    });
    addEventListener("afterprint", () => {
      for (const opened of document.querySelectorAll("details[data-for-print]")) {
        opened.open = false;
        delete opened.dataset.forPrint;
      }
    });
  }

  function choose(grid) {
    const there = fieldsOf(grid);
    for (const { field, title } of COLUMNS.slice(1)) {
      const box = element("input", { type: "checkbox", "data-column": field });
      box.checked = there.includes(field);
      box.addEventListener("change", () => showColumn(grid, field, box.checked));
      byId("columns").querySelector("fieldset").append(element("label", {}, box, ` ${title}`));
    }
  }

  // Roles that screen readers understand: the body is one group of rows, a group's line is a row that folds.
  function roles() {
    byId("table").removeAttribute("aria-owns");
    byId("table").setAttribute("role", "treegrid");
    byId("table").setAttribute("aria-labelledby", "credentials-title");
    byId("table").querySelector(".tabulator-tableholder").setAttribute("role", "rowgroup");
    const body = byId("table").querySelector(".tabulator-table");
    body.setAttribute("role", "presentation");
    const mark = () => {
      for (const line of body.querySelectorAll(".tabulator-group")) {
        line.tabIndex = 0;
        line.setAttribute("role", "row");
        line.setAttribute("aria-level", String(1 + GROUPS.findIndex((_, n) => line.classList.contains(`tabulator-group-level-${n}`))));
        line.setAttribute("aria-expanded", String(line.classList.contains("tabulator-group-visible")));
        line.querySelector("b").setAttribute("role", "gridcell");
      }
    };
    new MutationObserver(mark).observe(body, { childList: true, subtree: true, attributeFilter: ["class"] });
    mark();
  }

  function focusable(grid) {
    for (const column of grid.getColumns()) if (column.getField() !== "uid") column.getElement().tabIndex = 0;
  }

  // Enter or space on a column's head sorts, on a group's line folds.
  function keys(grid) {
    focusable(grid);
    byId("table").addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      const target = event.target;
      if (!target.matches(".tabulator-col.tabulator-sortable, .tabulator-group")) return;
      event.preventDefault();
      target.click();
    });
  }

  function printed(grid) {
    const rows = grid.getData("active");
    const titles = ["Verdict", "Account", "Owner", "User", "Credential", "Created", "Last used", "Days", "Why", "Phase", "Next"];
    const lines = rows.slice(0, PRINT_ROWS).map((r) => [
      r.verdict, r.where, r.owner, r.finding.privileged ? `${r.user} (privileged)` : r.user, r.credential, day(r.created), day(r.last_used), String(r.days_unused ?? ""),
      r.reason, r.phase, [r.next_action, day(r.next_action_at), decisionOf(r) && `${decisionOf(r).decision}: ${decisionOf(r).reason}`].filter(Boolean).join(" "),
    ]);
    const cut = rows.length > PRINT_ROWS ? element("p", {}, `${PRINT_ROWS} of ${rows.length} rows are printed.`) : "";
    return [table(titles, lines), cut];
  }

  read().then(start).catch((error) => {
    byId("static-more").append(element("p", { class: "note" }, `This browser shows the first rows only (${error.message}).`));
  });
})();

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
  const day = (time) => (time ?? "").slice(0, 10);
  const minute = (time) => (time ?? "").slice(0, 16).replace("T", " ");
  const verdictOf = (verdict) => element("span", { class: `verdict ${verdict}` }, verdict);

  async function read() {
    const bytes = Uint8Array.from(atob(byId("data").textContent), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const { fields, rows } = await new Response(stream).json();
    return rows.map((values) => row(Object.fromEntries(fields.map((name, n) => [name, values[n]]))));
  }

  function row(finding) {
    const { kind, id, created } = finding.credential;
    const credential = id === kind ? kind : `${kind} ${id}`;
    const where = `${finding.provider} ${finding.account}`;
    const policies = finding.policies.map((said) => said.policy).join(", ");
    const exemption = finding.exemption ? `${finding.exemption.reason} (until ${day(finding.exemption.expires) || "no date"})` : "";
    const texts = [finding.user, finding.user_id, finding.owner, credential, finding.reason, where, policies, exemption];
    return { ...finding, where, credential, created, policies, exemption, finding, found: texts.join("\n").toLowerCase() };
  }

  // ---- columns -----------------------------------------------------------------------------------------

  const text = (cell) => isolated(cell.getValue());
  const date = (cell) => day(cell.getValue());
  const user = (cell) => {
    const data = cell.getData();
    const link = element("a", { href: `#${data.uid}` }, isolated(cell.getValue() || "(no name)"));
    return data.privileged ? element("span", {}, element("span", { class: "tag" }, "privileged"), " ", link) : link;
  };
  const COLUMNS = [
    { title: "Verdict", field: "verdict", width: 125, formatter: (cell) => verdictOf(cell.getValue()) },
    { title: "User", field: "user", width: 250, formatter: user },
    { title: "Privileged", field: "privileged", width: 110, formatter: (cell) => ({ true: "yes", false: "no" })[cell.getValue()] ?? "unknown" },
    { title: "Credential", field: "credential", width: 225, formatter: text },
    { title: "Days", field: "days_unused", width: 80, hozAlign: "right", sorter: "number" },
    { title: "Last used", field: "last_used", width: 115, formatter: date },
    { title: "Created", field: "created", width: 115, formatter: date },
    { title: "Why", field: "reason", minWidth: 240, widthGrow: 3, formatter: text },
    { title: "Phase", field: "phase", width: 100 },
    { title: "Next", field: "next_action", width: 140, formatter: text },
    { title: "Next at", field: "next_action_at", width: 115, formatter: date },
    { title: "Exemption", field: "exemption", width: 220, formatter: text },
    { title: "Change", field: "change", width: 115 },
    { title: "First seen", field: "first_seen", width: 115, formatter: date },
    { title: "Owner", field: "owner", width: 180, formatter: text },
    { title: "Account", field: "where", width: 180, formatter: text },
    { title: "Type", field: "user_type", width: 100 },
    { title: "Policies", field: "policies", width: 260, formatter: text },
    { title: "Source", field: "basis", width: 160, formatter: text },
  ];
  const SHOWN = NARROW
    ? ["verdict", "user", "days_unused", "credential"]
    : ["verdict", "user", "credential", "days_unused", "last_used", "created", "reason", "phase", "next_action", "next_action_at"];
  const OPTIONAL = ["exemption", "change"];

  function columns(rows) {
    const shown = new Set([...SHOWN, ...(NARROW ? [] : OPTIONAL.filter((field) => rows.some((r) => r[field])))]);
    return COLUMNS.map((column) => ({ sorter: "string", ...column, visible: shown.has(column.field), headerSortTristate: true }));
  }

  // ---- groups ------------------------------------------------------------------------------------------

  const GROUPS = [(r) => r.where, (r) => `${r.where}\n${r.owner ?? ""}`, (r) => `${r.where}\n${r.owner ?? ""}\n${r.user}`];
  const GROUP_NAMES = [(r) => r.where, (r) => (r.owner ? `owner ${r.owner}` : "no owner known"), (r) => r.user || "(no name)"];

  function groupHeader(level) {
    return (value, count, data) => {
      const name = data.length ? GROUP_NAMES[level](data[0]) : "";
      const extra = level === 1 && data.length && data[0].owner_source ? `, by ${data[0].owner_source}` : "";
      return element("b", {}, isolated(name), element("span", {}, `${extra} · ${count.toLocaleString("en")}`));
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
    const known = { true: "yes", false: "no" };
    const exemption = finding.exemption;
    const pairs = [
      ["Why", finding.reason],
      ["User", `${finding.user} (${finding.user_type}), id ${finding.user_id}, verdict ${finding.user_verdict}`],
      ["Account", `${finding.provider} ${finding.account}`],
      ["Privileged", known[finding.privileged] ?? "could not be read"],
      ["Owner", finding.owner ? `${finding.owner} (${finding.owner_source})` : "not known"],
      ["Credential", `${kind} ${id}, ${status}, created ${minute(created) || "at an unknown date"}`],
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

  function show(finding) {
    const close = element("button", { type: "button" }, "Close");
    close.addEventListener("click", () => byId("finding").close());
    const title = element("h2", { id: "finding-title" }, verdictOf(finding.verdict), " ", isolated(`${finding.credential.kind} of ${finding.user}`));
    byId("finding").replaceChildren(
      element("header", {}, title, close),
      facts(finding),
      element("h3", {}, "Evidence"),
      table(["Source", "Observed (UTC)", "Value"], finding.evidence.map((e) => [e.source, minute(e.observed_at), e.value])),
      element("h3", {}, "Policies"),
      table(["Policy", "Ran on", "Verdict", "Threshold"], finding.policies.map((p) => [p.policy, p.scope, p.verdict, `${p.threshold_days} days`])),
      element("p", { class: "muted" }, "Finding ", element("code", {}, finding.uid)),
    );
    if (!byId("finding").open) byId("finding").showModal();
  }

  // ---- the page ----------------------------------------------------------------------------------------

  function options(select, values) {
    select.append(element("option", { value: "" }, "all"));
    for (const value of [...new Set(values)].filter(Boolean).sort()) select.append(element("option", { value }, value));
    select.closest("label").hidden = select.options.length < 2;
  }

  function start(rows) {
    const byUid = new Map(rows.map((r) => [r.uid, r.finding]));
    const grid = new Tabulator("#table", {
      data: rows,
      columns: columns(rows),
      height: "75vh",
      layout: "fitColumns",
      autoResize: false, // it draws anew when the table scrolls into view, and the keyboard's focus is lost
      placeholder: "No credential matches.",
      index: "uid",
      groupBy: GROUPS,
      groupToggleElement: "header",
      groupHeader: GROUPS.map((_, level) => groupHeader(level)),
      groupStartOpen: rows.length <= OPEN_GROUPS ? [true, true, true] : [false, true, true],
      columnHeaderSortMulti: true,
      rowFormatter: (line) => line.getElement().classList.add("finding"),
    });
    const filters = ["verdict", "provider", "phase", "change"].map((field) => [field, byId(`filter-${field}`)]);
    for (const [field, select] of filters) options(select, rows.map((r) => r[field]));

    const apply = () => {
      const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
      const wanted = filters.filter(([, select]) => select.value).map(([field, select]) => [field, select.value]);
      grid.setFilter((r) => wanted.every(([field, value]) => r[field] === value) && words.every((word) => r.found.includes(word)));
    };
    const count = () => {
      const shown = grid.getDataCount("active");
      byId("shown").textContent = `${shown.toLocaleString("en")} of ${rows.length.toLocaleString("en")} credentials`;
    };
    let timer = 0;
    byId("search").addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(apply, 150); });
    for (const [, select] of filters) select.addEventListener("change", apply);
    byId("grouped").addEventListener("change", (event) => grid.setGroupBy(event.target.checked ? GROUPS : false));
    byId("reset").addEventListener("click", () => {
      byId("search").value = "";
      for (const [, select] of filters) select.value = "";
      grid.clearSort();
      apply();
    });
    const jump = () => { const finding = byUid.get(location.hash.slice(1)); if (finding) show(finding); };
    addEventListener("hashchange", jump);
    byId("finding").addEventListener("close", () => history.replaceState(null, "", location.pathname + location.search));
    grid.on("rowDblClick", (event, line) => { location.hash = line.getData().uid; });

    grid.on("dataFiltered", () => setTimeout(count));
    grid.on("tableBuilt", () => {
      byId("static").hidden = byId("static-more").hidden = true;
      byId("controls").hidden = false;
      document.body.classList.add("printing");
      choose(grid);
      roles();
      keys(grid);
      count();
      jump();
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
    for (const column of grid.getColumns()) {
      const box = element("input", { type: "checkbox", "data-column": column.getField() });
      box.checked = column.isVisible();
      box.addEventListener("change", () => { column.toggle(); grid.redraw(); });
      byId("columns").querySelector("fieldset").append(element("label", {}, box, ` ${column.getDefinition().title}`));
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

  // Enter or space on a column's head sorts, on a group's line folds.
  function keys(grid) {
    for (const column of grid.getColumns()) column.getElement().tabIndex = 0;
    byId("table").addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      const target = event.target;
      if (!target.matches(".tabulator-col, .tabulator-group")) return;
      event.preventDefault();
      target.click();
    });
  }

  function printed(grid) {
    const rows = grid.getData("active");
    const titles = ["Verdict", "Account", "Owner", "User", "Credential", "Created", "Last used", "Days", "Why", "Phase", "Next"];
    const lines = rows.slice(0, PRINT_ROWS).map((r) => [
      r.verdict, r.where, r.owner, r.privileged ? `${r.user} (privileged)` : r.user, r.credential, day(r.created), day(r.last_used), String(r.days_unused ?? ""),
      r.reason, r.phase, `${r.next_action ?? ""} ${day(r.next_action_at)}`,
    ]);
    const cut = rows.length > PRINT_ROWS ? element("p", {}, `${PRINT_ROWS} of ${rows.length} rows are printed.`) : "";
    return [table(titles, lines), cut];
  }

  read().then(start).catch((error) => {
    byId("static-more").append(element("p", { class: "note" }, `This browser shows the first rows only (${error.message}).`));
  });
})();

"""A page that shows the API to people; it loads nothing from elsewhere, as benches are offline."""

from __future__ import annotations

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Wakecall: the REST API</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto }
  body { padding: 0 1rem }
  summary { cursor: pointer; padding: .25rem 0 }
  code { font-family: ui-monospace, monospace }
  b { display: inline-block; width: 4.5rem }
  pre { background: #f4f4f4; padding: .75rem; overflow: auto }
  details > div { margin: 0 0 1rem 1rem }
  @media (prefers-color-scheme: dark) {
    body { background: #111; color: #ddd } pre { background: #222 }
  }
</style>
</head>
<body>
<h1>Wakecall: the REST API</h1>
<p>Log in with <code>POST /api/auth/login</code> and send the token as
<code>X-Authorization: Bearer TOKEN</code>. The description for programs is at
<a href="/v3/api-docs">/v3/api-docs</a>.</p>
<main></main>
<script>
const add = (parent, tag, text) => {
  const node = parent.appendChild(document.createElement(tag));
  if (text) node.textContent = text;
  return node;
};
const show = (parent, method, path, operation) => {
  const details = add(parent, "details");
  const summary = add(details, "summary");
  add(summary, "b", method.toUpperCase());
  add(summary, "code", path);
  summary.append(" \u2014 " + operation.summary);
  const body = add(details, "div");
  add(body, "p", operation.description);
  for (const parameter of operation.parameters || []) {
    const line = add(body, "p");
    add(line, "code", parameter.name);
    line.append(" (" + parameter.in + (parameter.required ? ", required" : "") + ") ");
    line.append(parameter.description || "");
  }
  if (operation.requestBody) {
    add(body, "pre", JSON.stringify(
      Object.values(operation.requestBody.content)[0].schema, null, 2));
  }
};
fetch("/v3/api-docs").then(answer => answer.json()).then(api => {
  const main = document.querySelector("main");
  const groups = {};
  for (const [path, operations] of Object.entries(api.paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      (groups[operation.tags[0]] ||= []).push([method, path, operation]);
    }
  }
  for (const [tag, entries] of Object.entries(groups).sort()) {
    add(main, "h2", tag);
    for (const entry of entries) show(main, ...entry);
  }
});
</script>
</body>
</html>
"""

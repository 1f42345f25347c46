// Shows the OpenAPI document beside it, and tries its operations out. Everything goes into the page as text.

const DEPTH_MAX = 4;
const SHOWN_CHARS_MAX = 200_000;
const NO_TYPE = "any value";

/** An element with properties and children. */
function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** Words of the document as nodes: it marks code by backticks. One without a second is itself. */
function prose(words = "") {
  return words.split(/`([^`]+)`/).map((part, index) => (index % 2 ? make("code", { textContent: part }) : part));
}

/** What a reference means in the document. */
function resolved(api, value) {
  if (!value?.$ref) return value;
  return value.$ref.slice(2).split("/").reduce((part, step) => part?.[step], api);
}

function typeOf(api, schema) {
  if (schema.$ref) return `${typeOf(api, resolved(api, schema))} (${schema.$ref.split("/").pop()})`;
  if ("const" in schema) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" or ");
  if (schema.oneOf) return schema.oneOf.map((one) => typeOf(api, one)).join(" or ");
  const types = [schema.type ?? NO_TYPE].flat().join(" or ");
  return schema.items ? `${types} of: ${typeOf(api, schema.items)}` : types;
}

/** The bounds and the default of a schema, in words. */
function bounds(schema) {
  const said = ["format", "pattern", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "default"];
  return said.filter((name) => name in schema).map((name) => `${name} ${schema[name]}`).join(", ");
}

/** The fields of an object, or of the objects in a list, with those inside of them. */
function fieldList(api, schema, depth = 0) {
  const whole = resolved(api, schema);
  if (whole?.items) return fieldList(api, whole.items, depth);
  const fields = Object.entries(whole?.properties ?? {});
  if (fields.length === 0 || depth >= DEPTH_MAX) return null;
  const items = fields.map(([name, field]) => {
    const inner = resolved(api, field);
    const needed = whole.required?.includes(name) ? " (needed)" : "";
    const about = [typeOf(api, field) + needed, inner.description, bounds(inner)].filter(Boolean).join(" · ");
    return make("li", {}, make("code", { textContent: name }), make("span", { className: "quiet" }, ...prose(` ${about}`)),
      fieldList(api, field, depth + 1));
  });
  return make("ul", {}, ...items);
}

function section(title, ...children) {
  return make("section", {}, make("h3", { textContent: title }), ...children);
}

function bodySchema(api, holder) {
  const content = resolved(api, holder)?.content;
  return content ? Object.values(content)[0].schema : null;
}

function responseList(api, operation) {
  const list = make("dl");
  for (const [status, response] of Object.entries(operation.responses)) {
    const { description } = resolved(api, response);
    list.append(make("dt", {}, make("code", { textContent: status })), make("dd", {}, ...prose(description)));
  }
  const done = bodySchema(api, operation.responses["200"]);
  const fields = done && fieldList(api, done);
  const type = done && make("p", { className: "quiet", textContent: typeOf(api, done) });
  return section("Answers", list, fields && make("h3", { textContent: "Answer 200" }), type, fields);
}

/** A value for the text of a body: its example, or what has to be there with a default or an empty value. */
function sample(api, schema, depth = 0) {
  const whole = resolved(api, schema) ?? {};
  if (whole.examples) return whole.examples[0];
  if ("default" in whole) return whole.default;
  if (whole.enum) return whole.enum[0];
  if (whole.oneOf) return sample(api, whole.oneOf[0], depth);
  switch ([whole.type].flat()[0]) {
    case "object": {
      const needed = depth < DEPTH_MAX ? (whole.required ?? []) : [];
      return Object.fromEntries(needed.map((name) => [name, sample(api, whole.properties[name] ?? {}, depth + 1)]));
    }
    case "array": return depth < DEPTH_MAX && whole.items ? [sample(api, whole.items, depth + 1)] : [];
    case "integer": case "number": return whole.minimum ?? 0;
    case "boolean": return false;
    default: return "";
  }
}

function parameterInput(parameter) {
  const input = make("input", { name: parameter.name, required: parameter.required, autocomplete: "off",
    title: (parameter.description ?? "").replaceAll("`", ""),
    placeholder: [parameter.schema.examples?.[0] ?? ""].flat().join(",") });
  const words = `${parameter.name}${parameter.required ? " (needed)" : ""}`;
  return make("label", {}, words, input);
}

/** Where a request goes: relative, so that it is right under a proxy's prefix. */
function address(path, parameters, form) {
  const query = new URLSearchParams();
  let filled = path.slice(1);
  for (const parameter of parameters) {
    const { value } = form.elements.namedItem(parameter.name);
    if (parameter.in === "path") filled = filled.replace(`{${parameter.name}}`, encodeURIComponent(value));
    else if (value !== "") query.append(parameter.name, value);
  }
  return query.size ? `${filled}?${query}` : filled;
}

function pretty(text) {
  const shown = text.length > SHOWN_CHARS_MAX ? `${text.slice(0, SHOWN_CHARS_MAX)}…` : text;
  try {
    return JSON.stringify(JSON.parse(shown), null, 2);
  } catch {
    return shown;
  }
}

async function ask(method, target, body) {
  const headers = {};
  const token = document.getElementById("token").value.trim();
  if (token) headers["X-API-Token"] = token;
  if (body) headers["Content-Type"] = "application/json";
  const start = performance.now();
  const answer = await fetch(target, { method, headers, body: body || undefined, redirect: "error" });
  const text = await answer.text();
  return `${answer.status} ${answer.statusText} · ${Math.round(performance.now() - start)} ms\n\n${pretty(text)}`;
}

function tryOut(api, path, method, operation) {
  const parameters = operation.parameters ?? [];
  const schema = bodySchema(api, operation.requestBody);
  const body = schema && make("textarea", { name: "request body", spellcheck: false, value: JSON.stringify(sample(api, schema), null, 2) });
  const result = make("pre", { hidden: true, tabIndex: 0 });
  result.setAttribute("role", "status");
  const button = make("button", { textContent: `Send ${method.toUpperCase()}` });
  const form = make("form", {}, make("div", { className: "fields" }, ...parameters.map(parameterInput)),
    body && make("label", {}, "Body", body), button);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    result.hidden = false;
    result.classList.remove("bad");
    result.textContent = "Waiting for the answer…";
    try {
      result.textContent = await ask(method.toUpperCase(), address(path, parameters, form), body?.value);
    } catch (error) {
      result.classList.add("bad");
      result.textContent = `No answer: ${error.message}`;
    }
    button.disabled = false;
  });
  return section("Try it", form, result);
}

function inside(api, path, method, operation) {
  const parameters = operation.parameters ?? [];
  const rows = parameters.map((parameter) => {
    const about = [typeOf(api, parameter.schema), parameter.description, bounds(parameter.schema)].filter(Boolean).join(" · ");
    return make("li", {}, make("code", { textContent: parameter.name }),
      make("span", { className: "quiet" }, ...prose(` ${parameter.in}${parameter.required ? " (needed)" : ""} · ${about}`)));
  });
  const schema = bodySchema(api, operation.requestBody);
  return make("div", { className: "inside" },
    operation.description ? make("p", {}, ...prose(operation.description)) : null,
    rows.length ? section("Parameters", make("ul", {}, ...rows)) : null,
    schema && section("Body", make("p", { className: "quiet", textContent: typeOf(api, schema) }), fieldList(api, schema)),
    responseList(api, operation), tryOut(api, path, method, operation));
}

function operationDetails(api, path, method, operation) {
  const details = make("details", { id: operation.operationId },
    make("summary", {}, make("span", { className: "method", textContent: method.toUpperCase() }),
      make("code", { textContent: path }), make("span", { className: "quiet" }, ...prose(operation.summary))));
  // What is inside is made when somebody looks: there are many of them.
  details.addEventListener("toggle", () => {
    if (details.open && details.children.length === 1) details.append(inside(api, path, method, operation));
  });
  return details;
}

function group(api, tag) {
  const all = Object.entries(api.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => [path, method, operation]));
  const own = all.filter(([, , operation]) => operation.tags.includes(tag.name));
  return make("section", { className: "group" }, make("h2", { textContent: tag.name }),
    make("p", { className: "note" }, ...prose(tag.description)),
    ...own.map(([path, method, operation]) => operationDetails(api, path, method, operation)));
}

function find(wanted) {
  const words = wanted.toLowerCase().split(/\s+/).filter(Boolean);
  for (const section of document.querySelectorAll(".group")) {
    let shown = 0;
    for (const details of section.querySelectorAll("details")) {
      const text = details.firstElementChild.textContent.toLowerCase();
      details.hidden = !words.every((word) => text.includes(word));
      shown += details.hidden ? 0 : 1;
    }
    section.hidden = shown === 0;
  }
}

async function show() {
  const place = document.getElementById("operations");
  try {
    const api = await (await fetch("openapi.json")).json();
    document.getElementById("title").textContent = `${api.info.title} ${api.info.version}`;
    document.getElementById("about").replaceChildren(...prose(api.info.description));
    place.replaceChildren(...api.tags.map((tag) => group(api, tag)));
    document.getElementById("bar").addEventListener("submit", (event) => event.preventDefault());
    document.getElementById("find").addEventListener("input", (event) => find(event.target.value));
    const wanted = document.getElementById(location.hash.slice(1));
    if (wanted instanceof HTMLDetailsElement) {
      wanted.open = true;
      wanted.scrollIntoView();
    }
  } catch (error) {
    place.replaceChildren(make("p", { className: "bad", textContent: `The document cannot be read: ${error.message}` }));
  }
}

show();

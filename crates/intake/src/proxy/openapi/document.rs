//! Puts the OpenAPI document (OpenAPI 3.1.1) together.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::refusals;

const JSON: &str = "application/json";
const TEXT: &str = "text/plain";
const ABOUT: &str = "Applications hand mail over and ask about it; an administrator looks after tenants and \
    accounts. A tenant's token means its own tenant, and sees nothing of others. A refusal is `{\"detail\": …}` and \
    says what to do; 503 comes with `Retry-After`.";

/// The document as JSON text.
pub fn document() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| Parts::read().document().to_string());
    &TEXT
}

/// What the document is made of.
struct Parts {
    groups: Vec<Group>,
    fields: Map<String, Value>,
    schemas: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    tag: String,
    description: String,
    /// By method and path, such as `GET /tenants`.
    operations: BTreeMap<String, Operation>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Operation {
    summary: String,
    description: Option<String>,
    #[serde(default)]
    who: Who,
    /// Names of fields; those that have to be there end in `!`.
    #[serde(default)]
    query: Vec<String>,
    body: Option<Body>,
    /// The name of a schema, in brackets for a list of them; or `text/plain`.
    answer: String,
    /// Schemas of refusals that others have not, by status.
    #[serde(default)]
    errors: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Who {
    Anybody,
    #[default]
    Tenant,
    Admin,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Body {
    Schema(String),
    /// As in a query.
    Fields(Vec<String>),
}

impl Parts {
    #[expect(
        clippy::expect_used,
        reason = "the texts are parts of the program, and a test reads them"
    )]
    fn read() -> Self {
        Self {
            groups: serde_json::from_str(include_str!("operations.json")).expect("operations"),
            fields: serde_json::from_str(include_str!("fields.json")).expect("fields"),
            schemas: serde_json::from_str(include_str!("schemas.json")).expect("schemas"),
        }
    }

    fn document(self) -> Value {
        let tags = self.groups.iter();
        let tags: Vec<_> = tags
            .map(|group| json!({ "name": group.tag, "description": group.description }))
            .collect();
        json!({
            "openapi": "3.1.1",
            "info": {
                "title": "Glasspost: the service's API",
                "description": ABOUT,
                "version": env!("CARGO_PKG_VERSION"),
            },
            "servers": [{ "url": ".", "description": "Where this document comes from" }],
            "tags": tags,
            "paths": self.paths(),
            "components": {
                "securitySchemes": {
                    "token": { "type": "apiKey", "in": "header", "name": "X-API-Token" },
                    "bearer": { "type": "http", "scheme": "bearer" },
                },
                "responses": refusals::responses(),
                "schemas": self.schemas,
            },
        })
    }

    fn paths(&self) -> Value {
        let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
        for group in &self.groups {
            for (route, operation) in &group.operations {
                let (method, path) = route.split_once(' ').unwrap_or_default();
                let method = method.to_ascii_lowercase();
                let mut shown = self.operation(path, operation);
                shown["tags"] = json!([group.tag]);
                shown["operationId"] = json!(id(&method, path));
                paths.entry(path).or_default().insert(method, shown);
            }
        }
        json!(paths)
    }

    fn operation(&self, path: &str, operation: &Operation) -> Value {
        let mut shown = json!({
            "summary": operation.summary,
            "parameters": self.parameters(path, &operation.query),
            "responses": self.responses(operation),
        });
        if let Some(description) = operation.about() {
            shown["description"] = json!(description);
        }
        if let Some(body) = &operation.body {
            shown["requestBody"] = self.body(body);
        }
        if operation.who != Who::Anybody {
            shown["security"] = json!([{ "token": [] }, { "bearer": [] }]);
        }
        shown
    }

    fn parameters(&self, path: &str, query: &[String]) -> Value {
        let in_path = path.split('/').filter_map(|step| {
            let name = step.strip_prefix('{')?.strip_suffix('}')?;
            Some(self.parameter(name, "path", true))
        });
        let in_query = query.iter().map(|field| {
            let (name, is_needed) = needed(field);
            self.parameter(name, "query", is_needed)
        });
        in_path.chain(in_query).collect()
    }

    fn parameter(&self, name: &str, place: &str, is_needed: bool) -> Value {
        let mut schema = self.fields[name].clone();
        // The description is the parameter's here.
        let description = schema["description"].take();
        if let Some(schema) = schema.as_object_mut() {
            schema.remove("description");
        }
        json!({
            "name": name, "in": place, "required": is_needed, "description": description, "schema": schema,
        })
    }

    fn body(&self, body: &Body) -> Value {
        let (schema, is_needed) = match body {
            Body::Schema(name) => (reference("schemas", name), true),
            Body::Fields(fields) => self.object(fields),
        };
        json!({ "required": is_needed, "content": { JSON: { "schema": schema } } })
    }

    /// The schema of an object with these fields, and whether it has to be there.
    fn object(&self, fields: &[String]) -> (Value, bool) {
        let fields = || fields.iter().map(|field| needed(field));
        let properties: Map<_, _> = fields()
            .map(|(name, _)| (name.to_owned(), self.fields[name].clone()))
            .collect();
        let required: Vec<_> = fields()
            .filter_map(|(name, is_needed)| is_needed.then_some(name))
            .collect();
        let is_needed = !required.is_empty();
        let schema = json!({ "type": "object", "required": required, "properties": properties });
        (schema, is_needed)
    }

    fn responses(&self, operation: &Operation) -> Value {
        let mut responses = Map::new();
        for (status, name) in operation.refusals() {
            responses.insert(status.to_owned(), reference("responses", name));
        }
        for (status, schema) in &operation.errors {
            responses.insert(status.clone(), self.answer(schema));
        }
        responses.insert("200".to_owned(), self.answer(&operation.answer));
        Value::Object(responses)
    }

    fn answer(&self, name: &str) -> Value {
        let item = name
            .strip_prefix('[')
            .and_then(|name| name.strip_suffix(']'));
        let (kind, schema) = match item {
            _ if name == TEXT => (TEXT, json!({ "type": "string" })),
            Some(item) => (
                JSON,
                json!({ "type": "array", "items": reference("schemas", item) }),
            ),
            None => (JSON, reference("schemas", name)),
        };
        let about = &self.schemas[name]["description"];
        let about = about.as_str().unwrap_or("It was done.");
        json!({ "description": about, "content": { kind: { "schema": schema } } })
    }
}

impl Operation {
    fn about(&self) -> Option<String> {
        let who = (self.who == Who::Admin).then_some("Only for the administrator.");
        let parts: Vec<_> = self.description.as_deref().into_iter().chain(who).collect();
        (!parts.is_empty()).then(|| parts.join(" "))
    }

    /// The refusals that it shares with others.
    fn refusals(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let if_so = |applies: bool, refusals| match applies {
            true => refusals,
            false => &[][..],
        };
        let parts = [
            if_so(self.who != Who::Anybody, refusals::OF_TOKENS),
            if_so(self.who == Who::Admin, refusals::OF_ADMINS),
            if_so(self.body.is_some(), refusals::OF_BODIES),
        ];
        parts.into_iter().flatten().copied()
    }
}

fn reference(kind: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/components/{kind}/{name}") })
}

/// A field's name, and whether it has to be there.
fn needed(field: &str) -> (&str, bool) {
    let name = field.strip_suffix('!');
    (name.unwrap_or(field), name.is_some())
}

/// A name for programs, such as `get_tenant_tenant_id`.
fn id(method: &str, path: &str) -> String {
    // A hyphen stays: `/command-log` and `/command_log` are two routes.
    let words = path.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    let words = words.filter(|word| !word.is_empty());
    [method]
        .into_iter()
        .chain(words)
        .collect::<Vec<_>>()
        .join("_")
}

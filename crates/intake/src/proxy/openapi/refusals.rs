//! The refusals that many routes share.

use serde_json::{Map, Value, json};

/// What a route with a token may answer, by the name of the refusal.
pub(super) const OF_TOKENS: &[(&str, &str)] = &[
    ("401", "NoToken"),
    ("404", "NotFound"),
    ("422", "Invalid"),
    ("429", "TooManyTokens"),
    ("503", "NotNow"),
];
/// What one for the administrator alone may answer as well.
pub(super) const OF_ADMINS: &[(&str, &str)] = &[("403", "AdminOnly")];
/// What one with a body may answer as well.
pub(super) const OF_BODIES: &[(&str, &str)] =
    &[("400", "Refused"), ("408", "TooSlow"), ("413", "TooLong")];

/// All of them, by their names.
pub(super) fn responses() -> Value {
    let plain = [
        ("NotFound", "There is none such, or it is another tenant's."),
        ("AdminOnly", "Only the administrator may."),
        ("Refused", "The request as a whole cannot be done."),
        ("TooSlow", "The body took too long."),
        ("TooLong", "The body, or what it asks for, is too long."),
    ];
    let mut responses: Map<_, _> = plain
        .map(|(name, about)| (name.to_owned(), refusal(about, "Problem")))
        .into_iter()
        .collect();
    let wait = json!({ "Retry-After": {
        "description": "Seconds to wait", "schema": { "type": "integer", "minimum": 0 },
    } });
    let mut token = refusal(
        "The token is missing, wrong, or another tenant's.",
        "Problem",
    );
    token["headers"] = json!({ "WWW-Authenticate": { "schema": { "const": "Bearer" } } });
    let mut guesses = refusal("Too many wrong tokens came from this address.", "Problem");
    guesses["headers"] = wait.clone();
    let mut busy = refusal("It cannot be done now; nothing of it was.", "Problem");
    busy["headers"] = wait;
    let invalid = refusal("Fields are wrong.", "InvalidFields");
    for (name, response) in [
        ("NoToken", token),
        ("TooManyTokens", guesses),
        ("NotNow", busy),
        ("Invalid", invalid),
    ] {
        responses.insert(name.to_owned(), response);
    }
    Value::Object(responses)
}

fn refusal(about: &str, schema: &str) -> Value {
    let schema = json!({ "$ref": format!("#/components/schemas/{schema}") });
    json!({ "description": about, "content": { "application/json": { "schema": schema } } })
}

//! `glasspost nodes`: the processes of the service.

use super::call::Call;
use super::table::Shape;

const COLUMNS: [&str; 12] = [
    "this",
    "host",
    "process",
    "roles",
    "state",
    "address",
    "started_at",
    "silent_s",
    "connections",
    "sending",
    "duties",
    "version",
];

/// Asks for them.
pub fn call() -> Call {
    Call::get("/api/nodes", &())
        .about_service()
        .shown_as(Shape::List("nodes", &COLUMNS))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_process_has_a_row() {
        let node = |host: &str, roles: &[&str]| {
            json!({"this": host == "a", "host": host, "process": 7, "roles": roles, "state": "active",
            "address": "127.0.0.1:8000", "started_at": "2026-01-01T00:00:00.000Z", "silent_s": 0.4, "connections": 3,
            "sending": 2, "duties": [], "version": "1.0", "accounts": []})
        };
        let answer = json!({"nodes": [node("a", &["api", "worker"]), node("b", &["smtp"])]});
        let text = call().shape.text(&answer);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert!(
            lines[1].starts_with("yes   a           7  api, worker  active"),
            "{text}"
        );
        assert!(
            lines[2].starts_with("no    b           7  smtp         active"),
            "{text}"
        );
    }
}

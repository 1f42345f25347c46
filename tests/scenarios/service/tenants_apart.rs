//! Tenants do not see each other, and nobody without a token sees anything.

use serde_json::json;

use crate::harness::{Caller, Home, Service, Sink};

#[test]
fn a_tenants_key_opens_only_what_is_its_own() {
    let (home, sink) = (Home::new(), Sink::start(&[]));
    let service = Service::start(&home);
    let (a, b) = (
        service.tenant("a", sink.port()),
        service.tenant("b", sink.port()),
    );
    a.send(&[a.message("secret-1", "bob@example.org")]);
    service.until_done();
    let other = b
        .ask("GET", "/messages?tenant_id=a")
        .send(service.address)
        .expect(401);
    assert_eq!(
        other.json(),
        json!({"detail": "Token not authorized for this tenant"})
    );
    b.ask("GET", "/tenants").send(service.address).expect(403);
    b.ask("DELETE", "/account/main?tenant_id=a")
        .send(service.address)
        .expect(401);
    let own = b.get("/messages?tenant_id=b");
    assert_eq!(own["messages"], json!([]));
    let mut foreign = b.message("m", "bob@example.org");
    foreign["tenant_id"] = json!("a");
    let answer = b.post("/commands/add-messages", &json!({"messages": [foreign]}));
    assert!(answer.status >= 400, "{}", answer.text());
    let accounts = a.get("/accounts?tenant_id=a");
    assert!(!accounts.to_string().contains("password"), "{accounts}");
}

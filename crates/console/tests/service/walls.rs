//! Who gets to see what: every route, for everybody.

use console::service::{ROUTES, Who};
use model::EventKind;

use crate::house::House;

/// What is nowhere but in the other tenant's things.
const FOREIGN: [&str; 4] = [
    "stranger",
    "secret-account",
    "secret-id",
    "hidden@example.net",
];

const HOSTILE: [&str; 9] = [
    "",
    "-1",
    "99999999999999999999",
    "%00",
    "%ff%fe",
    "%27%3B--",
    "..%2F..",
    "%F0%9F%92%A9",
    "a%0d%0aSet-Cookie:x=1",
];

async fn two_tenants() -> (House, String, String) {
    let house = House::open().await;
    house.settle("acme", &["main"]).await;
    house.settle("stranger", &["secret-account"]).await;
    let own = house.mail("acme/main", "1", &[EventKind::Delivered]).await;
    let hidden = ["hidden@example.net"];
    let foreign = house
        .submit("stranger/secret-account", "secret-id", &hidden)
        .await;
    let pk = |of: &store::submissions::Followed| of.submission.message_id.to_string();
    (house, pk(&own), pk(&foreign))
}

#[tokio::test]
async fn without_a_token_there_is_only_what_is_for_everybody() {
    let (house, own, _) = two_tenants().await;
    for route in &ROUTES {
        let path = route.path.replace("{pk}", &own);
        let expected = match route.who {
            Who::Anybody => 200,
            Who::Program | Who::Viewer => 401,
        };
        assert_eq!(house.ask(&path, &[]).await.status, expected, "{path}");
        let wrong = house.ask_as("wrong", &path).await;
        assert_eq!(wrong.status, expected, "{path} with a wrong token");
    }
}

#[tokio::test]
async fn a_tenants_token_shows_nothing_of_another_tenant() {
    let (house, own, foreign) = two_tenants().await;
    for route in ROUTES.iter().filter(|route| route.who != Who::Anybody) {
        for pk in [&own, &foreign] {
            for query in [
                "",
                "?tenant=stranger",
                "?tenant=stranger&account=secret-account",
                "?search=h",
            ] {
                let path = format!("{}{query}", route.path.replace("{pk}", pk));
                let answer = house.ask_as("of-acme", &path).await;
                assert!(answer.status < 500, "{path}");
                let text = answer.text();
                let shown = FOREIGN.iter().filter(|word| text.contains(**word)).count();
                assert_eq!(shown, 0, "{path}: {text}");
            }
        }
    }
    let path = format!("/api/submissions/{foreign}");
    let (theirs, nobodys) = (
        house.ask_as("of-acme", &path).await,
        house.ask_as("of-acme", "/api/submissions/nothing").await,
    );
    assert_eq!((theirs.status, theirs.body), (404, nobodys.body));
    let mine = house
        .ask_as("of-acme", &format!("/api/submissions/{own}"))
        .await;
    assert_eq!(mine.status, 200);
    let traffic = house.ask_as("of-acme", "/api/traffic").await.json();
    assert_eq!(traffic["totals"]["accepted"], 1);
}

#[tokio::test]
async fn no_request_is_answered_by_an_error_of_ours() {
    let (house, own, _) = two_tenants().await;
    house.stop.cancel();
    for route in &ROUTES {
        for hostile in HOSTILE {
            let mut paths = vec![route.path.replace("{pk}", hostile)];
            for name in [
                "limit",
                "after",
                "before",
                "search",
                "status",
                "tenant",
                "account",
                "recipient",
                "by",
                "each",
                "from",
                "until",
            ] {
                let path = route.path.replace("{pk}", &own);
                paths.push(format!("{path}?{name}={hostile}"));
            }
            for path in paths {
                let answer = house.ask_as("admin", &path).await;
                assert!(
                    answer.status < 500,
                    "{path}: {} {}",
                    answer.status,
                    answer.text()
                );
            }
        }
    }
}

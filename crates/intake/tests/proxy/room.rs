//! The memory that requests and answers may take together.

use std::sync::atomic::Ordering;

use intake::proxy::ProxySettings;

use crate::harness::{ADMIN, key_of, message, start_acme_with, until};

#[tokio::test]
async fn requests_that_together_take_too_much_are_put_off_and_nothing_stays_taken() {
    let settings = ProxySettings {
        requests_bytes_max: 1024 * 1024,
        ..ProxySettings::default()
    };
    let running = start_acme_with(settings).await;
    running.hand_over(&[message("a")]).await;
    let own = key_of("acme");
    // Of 7 bytes each; read they take more than half of the room.
    let objects = r#"{"":0},"#.repeat(800);
    let heavy = format!(r#"{{"batch_code":"b","x":[{objects}0]}}"#);
    let stopped = running.sending.recalling.lock().await;
    let first = running.ask("POST", &own, "/commands/suspend", heavy.as_bytes());
    let others = async {
        until(async || running.sending.recalls.load(Ordering::Relaxed) > 0).await;
        let reply = running
            .ask("POST", &own, "/commands/activate", heavy.as_bytes())
            .await;
        let (status, detail) = reply.refused();
        assert_eq!(status, 503);
        assert!(
            detail.as_str().unwrap().starts_with("nothing was done"),
            "{detail}"
        );
        assert!(
            reply.head.to_ascii_lowercase().contains("retry-after: 5"),
            "{reply:?}"
        );
        // What is small goes on.
        running.hand_over(&[message("b")]).await;
        running.get(ADMIN, "/tenants").await.ok();
        drop(stopped);
    };
    let (reply, ()) = tokio::join!(first, others);
    reply.ok();
    for _ in 0..20 {
        running
            .ask("POST", &own, "/commands/suspend", heavy.as_bytes())
            .await
            .ok();
    }
}

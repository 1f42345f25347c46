//! The instance's settings.

use model::{FieldError, Line, Secret};
use store::StoreError;
use store::directory::{Instance, SETTINGS_BYTES_MAX};

use crate::api_keys::hash;
use crate::on_each_backend;
use crate::support::second;

#[test]
fn the_settings_are_empty_until_they_are_changed() {
    on_each_backend(async |place| {
        let directory = place.directory().await;
        let empty = directory.instance().await.unwrap();
        assert!(empty.name.is_none() && empty.api_token.is_none() && empty.bounce.is_none());
        assert_eq!(empty.updated_at, None);
        let change = |instance: &mut Instance| {
            instance.name = Some(Line::parse("name", "Mail of Acme")?);
            instance.api_token = Some(hash("admin"));
            instance.bounce = Some(Secret::new(r#"{"password":"canary-bounce"}"#));
            Ok(())
        };
        let changed = directory.change_instance(Box::new(change), second(1));
        changed.await.unwrap();
        let one_more = |instance: &mut Instance| {
            instance.name = Some(Line::parse("name", "Mail")?);
            Ok(())
        };
        let changed = directory.change_instance(Box::new(one_more), second(2));
        let changed = changed.await.unwrap();
        let found = place.directory().await.instance().await.unwrap();
        for instance in [changed, found] {
            assert_eq!(instance.name.as_ref().map(Line::as_str), Some("Mail"));
            assert_eq!(instance.updated_at, Some(second(2)));
            assert!(instance.api_token.unwrap().matches(&hash("admin")));
            let bounce = instance.bounce.unwrap();
            assert_eq!(bounce.expose(), r#"{"password":"canary-bounce"}"#);
        }
    });
}

#[test]
fn settings_that_are_refused_change_nothing() {
    on_each_backend(async |place| {
        let directory = place.directory().await;
        let long = |instance: &mut Instance| {
            instance.bounce = Some(Secret::new("canary".repeat(SETTINGS_BYTES_MAX)));
            Ok(())
        };
        let refuse = |_: &mut Instance| Err(FieldError::new("name", "is taken"));
        let error = directory.change_instance(Box::new(long), second(1)).await;
        assert_eq!(
            error.unwrap_err().to_string(),
            "bounce: is longer than 65536 bytes"
        );
        let error = directory.change_instance(Box::new(refuse), second(1)).await;
        assert!(matches!(error.unwrap_err(), StoreError::Refused(_)));
        assert_eq!(directory.instance().await.unwrap().updated_at, None);
    });
}

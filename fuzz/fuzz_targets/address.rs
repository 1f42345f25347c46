//! Addresses and the names beside them: one that is taken can be written and read again, and stays itself.
#![no_main]

use glasspost_fuzz::parts;
use libfuzzer_sys::fuzz_target;
use model::address::ADDRESS_BYTES_MAX;
use model::{Address, HeaderText, Mailbox};
use smtp::wire::command::write_rcpt;
use smtp::wire::line::text_of;
use smtp::wire::path;

/// Our client writes it, our server reads it.
fn check_on_the_wire(address: &Address) {
    let mut line = Vec::new();
    write_rcpt(&mut line, address);
    let text = text_of(&line).expect("a command line that is no text");
    let argument = text.strip_prefix("RCPT ").expect("the verb");
    let argument = path::split("TO", argument).expect("a path that cannot be taken apart");
    assert_eq!(argument.parameters, "", "the address became a parameter");
    let read = path::recipient(argument.path, "mx.example.org").expect("an address that is none");
    assert_eq!(read, *address);
}

fn check_address(address: &Address) {
    assert!(address.as_str().len() <= ADDRESS_BYTES_MAX);
    assert!(!address.as_str().contains(char::is_control));
    assert!(!address.domain().contains(char::is_uppercase) || address.domain().starts_with('['));
    assert_eq!(
        format!("{}@{}", address.local_part(), address.domain()),
        address.as_str()
    );
    assert_eq!(Address::parse(address.as_str()).as_ref(), Ok(address));
    assert_eq!(
        Address::parse(&address.key()).map(|other| other.key()),
        Ok(address.key())
    );
    check_on_the_wire(address);
}

fn check_mailbox(mailbox: &Mailbox) {
    assert_eq!(Mailbox::parse(&mailbox.to_string()).as_ref(), Ok(mailbox));
}

fuzz_target!(|input: &str| {
    let [text, name] = parts(input);
    let Ok(mailbox) = Mailbox::parse(text) else {
        return;
    };
    check_address(&mailbox.address);
    check_mailbox(&mailbox);
    // Any name may stand beside any address, but for an empty one, which is none.
    let name = HeaderText::parse(name)
        .ok()
        .filter(|name| !name.as_str().is_empty());
    check_mailbox(&Mailbox { name, ..mailbox });
});

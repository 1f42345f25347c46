//! The prompt on a service: its verbs, its tenant, and commands that come through a pipe.

use super::cli::{Cli, has};
use super::terminal::Terminal;
use crate::harness::{Home, Service, free_port};

#[test]
fn commands_come_through_a_pipe_and_share_their_tenant() {
    let home = Home::new();
    let service = Service::start(&home);
    let cli = Cli::new(&home, &service);
    home.write("password", "canary");
    let said = cli.fed(
        "# a tenant with an account\n\
         tenants add acme --name 'Acme Ltd'\n\
         use acme\n\
         \n\
         accounts add main --host smtp.example.com --user ada --password-file password\n\
         accounts list   # what there is\n\
         messages count --json\n\
         help\n\
         exit\n\
         tenants delete acme\n",
        &["connect"],
    );
    let said = said.expect(0);
    has(
        &said.stdout,
        &["Acme Ltd", "smtp.example.com", "\n0\n", "Usage: <COMMAND>"],
    );
    assert_eq!(
        cli.json(&["tenants", "get", "acme"])["name"],
        "Acme Ltd",
        "nothing runs after the end"
    );
    let empty = cli
        .fed(
            "use acme\nmessages list\nuse\nmessages list\n",
            &["connect"],
        )
        .expect(1);
    has(&empty.stdout, &["None found."]);
    has(&empty.stderr, &["line 4: which tenant is meant?"]);
}

#[test]
fn a_pipe_ends_at_the_first_command_that_fails() {
    let home = Home::new();
    let service = Service::start(&home);
    let cli = Cli::new(&home, &service);
    let failed = cli.fed(
        "tenants list\ntenants get nobody\ntenants add late\n",
        &["connect"],
    );
    has(&failed.expect(1).stderr, &["line 2: tenant not found"]);
    let wrong = cli
        .fed("tenants list\n\ntenant list\n", &["connect"])
        .expect(2);
    has(&wrong.stderr, &["line 3: unrecognized subcommand 'tenant'"]);
    let open = cli.fed("use 'acme\n", &["connect"]).expect(2);
    has(&open.stderr, &["line 1: a quotation mark is open"]);
    let secret = cli.fed(
        "accounts add m --host h --user u --password-file -\n",
        &["connect"],
    );
    has(
        &secret.expect(2).stderr,
        &["standard input holds the commands"],
    );
    has(&cli.ok(&["tenants", "list"]), &["default"]);
    assert!(!cli.ok(&["tenants", "list"]).contains("late"));
}

#[test]
fn flags_of_connect_hold_for_every_command() {
    let home = Home::new();
    let service = Service::start(&home);
    home.write("token", &service.admin);
    let elsewhere = Home::new();
    let token = home.path().join("token");
    let url = format!("http://{}", service.address);
    let cli = Cli::at(&elsewhere, "http://127.0.0.1:1");
    let connect = [
        "connect",
        "--url",
        &url,
        "--token-file",
        token.to_str().unwrap(),
        "--tenant",
        "default",
        "--json",
    ];
    let said = cli
        .fed("tenants get\ninstance status\n", &connect)
        .expect(0);
    let lines: Vec<&str> = said.stdout.lines().collect();
    assert_eq!(lines.len(), 2, "{said:?}");
    has(lines[0], &["\"id\":\"default\""]);
    has(lines[1], &["pending_messages"]);
}

#[test]
fn a_person_at_a_terminal_has_a_prompt_with_a_history() {
    let home = Home::new();
    let service = Service::start(&home);
    let cli = Cli::new(&home, &service);
    let mut terminal = Terminal::start(&cli, &["connect"]);
    // All at once, as when lines are pasted.
    terminal.press("use default\ntenants get\nno-such-verb\nten\t cre\t default\nexit\n");
    let shown = terminal.end();
    has(
        &shown,
        &[
            "answers, 0 messages wait",
            "glasspost default>",
            "unrecognized subcommand",
            "Keep this key",
        ],
    );
    let history = std::fs::read_to_string(home.data().join("connect.history")).unwrap();
    has(
        &history,
        &["use default", "tenants get", "tenants create-key default"],
    );
}

#[test]
fn without_a_service_there_is_no_prompt() {
    let home = Home::new();
    let url = format!("http://127.0.0.1:{}", free_port());
    let cli = Cli::at(&home, &url).with("GLASSPOST_ADMIN_TOKEN", "x");
    let shown = Terminal::start(&cli, &["connect"]).end();
    has(&shown, &["`glasspost serve`"]);
    assert!(!shown.contains("glasspost>"), "{shown}");
}

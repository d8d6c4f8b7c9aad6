//! Tables of role files, on fixture kits whose role file is replaced.

use flare_diagnostic::Code;
use flare_file_tree::FileTree;

use crate::support::{faults, put, read, tree, warnings};

type ServerFacts<'text> = (&'text str, Option<u16>, Option<u16>, Option<&'text str>);

#[test]
fn servers_names_and_ports() {
    let table: &[(&str, ServerFacts<'_>)] = &[
        ("{}", ("directory", None, None, None)),
        (r#"{"servers": null}"#, ("directory", None, None, None)),
        (r#"{"servers": []}"#, ("directory", None, None, None)),
        (r#"{"servers": [{}]}"#, ("directory", None, None, None)),
        (r#"{"servers": [{"identity": "a", "admin_server": "b"}]}"#, ("a", None, None, None)),
        (r#"{"servers": [{"identity": "", "admin_server": "b"}]}"#, ("b", None, None, None)),
        (r#"{"servers": [{"identity": null, "admin_server": ""}]}"#, ("directory", None, None, None)),
        (r#"{"servers": [{"identity": " a "}]}"#, (" a ", None, None, None)),
        (r#"{"servers": [{"identity": 7}]}"#, ("7", None, None, None)),
        (r#"{"servers": [{"identity": "a", "identity": "last"}]}"#, ("last", None, None, None)),
        (r#"{"servers": [{"service": {"target": "h:8002"}}]}"#, ("directory", Some(8002), Some(8002), Some("h"))),
        (r#"{"servers": [{"service": {"target": "h"}}]}"#, ("directory", None, None, Some("h"))),
        (r#"{"servers": [{"service": {"target": "h:"}}]}"#, ("directory", None, None, Some("h"))),
        (r#"{"servers": [{"service": {"target": "h:x"}}]}"#, ("directory", None, None, Some("h"))),
        (r#"{"servers": [{"service": {"target": "h: 8_002 "}}]}"#, ("directory", Some(8002), Some(8002), Some("h"))),
        (r#"{"servers": [{"service": {"target": "[::1]:8002"}}]}"#, ("directory", Some(8002), Some(8002), Some("::1"))),
        (r#"{"servers": [{"service": {"target": "[::1]"}}]}"#, ("directory", None, None, Some("::1"))),
        (r#"{"servers": [{"service": {"target": null}, "admin_port": 8003}]}"#, ("directory", None, Some(8003), None)),
        (r#"{"servers": [{"service": null, "admin_port": "8003"}]}"#, ("directory", None, None, None)),
        (
            r#"{"servers": [{"service": {"target": "h:8002"}, "admin_port": 8003}]}"#,
            ("directory", Some(8002), Some(8003), Some("h")),
        ),
        (
            r#"{"servers": [{"service": {"target": "h:8002"}, "admin_port": "8003"}]}"#,
            ("directory", Some(8002), Some(8002), Some("h")),
        ),
        (
            r#"{"servers": [{"service": {"target": "h:8002"}, "admin_port": null}]}"#,
            ("directory", Some(8002), Some(8002), Some("h")),
        ),
    ];
    let mut tree = tree("plain-2.8.3/nvflare-server");
    for (text, (name, fl, admin, host)) in table {
        put(&mut tree, "startup/fed_server.json", *text);
        let kit = read(&tree).unwrap_or_else(|faults| panic!("{text}: {faults}")).value;
        let target = kit.server_target.as_ref().map(|(host, _)| host.as_str());
        assert_eq!((kit.participant.as_str(), kit.fl_port, kit.admin_port, target), (*name, *fl, *admin, *host), "{text}");
        assert_eq!(kit.site, kit.participant);
    }
}

#[test]
fn defect_31_a_role_file_of_the_wrong_kind_is_named_with_its_key() {
    let table = [
        (r"[]", "not a JSON object"),
        (r#"{"servers": {"a": 1}}"#, "`servers`"),
        (r#"{"servers": "text"}"#, "`servers`"),
        (r#"{"servers": [null]}"#, "`servers[0]`"),
        (r#"{"servers": [5]}"#, "`servers[0]`"),
        (r#"{"servers": [{"service": "text"}]}"#, "`servers[0].service`"),
        (r#"{"servers": [{"service": {"target": 8002}}]}"#, "`servers[0].service.target`"),
        (r#"{"servers": [{"service": {"target": "h:0"}}]}"#, "outside 1..65535"),
        (r#"{"servers": [{"service": {"target": "h:65536"}}]}"#, "outside 1..65535"),
        (r#"{"servers": [{"service": {"target": "h:99999999999999999999"}}]}"#, "outside 1..65535"),
        (r#"{"servers": [{"service": {"target": "h:-1"}}]}"#, "outside 1..65535"),
        (r#"{"servers": [{"admin_port": true}]}"#, "`servers[0].admin_port`"),
        (r#"{"servers": [{"admin_port": 0}]}"#, "`servers[0].admin_port`"),
        (r#"{"servers": [{"admin_port": 65536}]}"#, "`servers[0].admin_port`"),
        (r#"{"servers": [{"identity": ["a"]}]}"#, "`servers[0].identity`"),
    ];
    let mut server = tree("plain-2.8.3/nvflare-server");
    for (text, words) in table {
        put(&mut server, "startup/fed_server.json", text);
        let refused = read(&server).expect_err(text);
        let [fault] = refused.all() else { panic!("{text}: {refused}") };
        assert_eq!(fault.code, Code::InvalidKit);
        assert!(fault.message.contains(words), "{text}: {}", fault.message);
        assert_eq!(fault.place.as_ref().unwrap().file, "startup/fed_server.json");
    }
    let mut client = tree("plain-2.8.3/site-1");
    for text in [r#"{"client": "text"}"#, r#"{"client": [1]}"#, r#"{"client": 5}"#, r#"{"client": {"fqsn": {"a": 1}}}"#] {
        put(&mut client, "startup/fed_client.json", text);
        assert!(faults(&client)[0].contains("`client"), "{text}");
    }
}

#[test]
fn defect_27_the_own_name_is_the_last_part_of_the_fqsn_or_the_certificates() {
    let table = [
        (r#"{"servers": [{"service": {"target": "h:1"}}], "client": {"fqsn": "site-1"}}"#, "site-1", "site-1", 0),
        (r#"{"servers": [{"service": {"target": "h:1"}}], "client": {"fqsn": "a.b.site-1"}}"#, "a.b.site-1", "site-1", 0),
        // From here on there is one more warning: no server to call.
        (r#"{"client": {"fqsn": "site-1"}}"#, "site-1", "site-1", 1),
        (r#"{"client": {"fqsn": "site-1.other"}}"#, "site-1.other", "other", 2),
        (r#"{"client": {"fqsn": "."}}"#, ".", ".", 2),
        (r#"{"client": {}}"#, "directory", "directory", 2),
        (r#"{"client": null}"#, "directory", "directory", 2),
        // A client's `servers` of the wrong kind is not a fault, as in the reference.
        (r#"{"servers": "text", "client": {"fqsn": "site-1"}}"#, "site-1", "site-1", 1),
    ];
    let mut tree = tree("plain-2.8.3/site-1");
    for (text, participant, site, expected_warnings) in table {
        put(&mut tree, "startup/fed_client.json", text);
        let kit = read(&tree).unwrap().value;
        assert_eq!((kit.participant.as_str(), kit.site.as_str()), (participant, site), "{text}");
        assert_eq!((kit.fl_port, kit.admin_port), (None, None));
        assert_eq!(warnings(&tree).len(), expected_warnings, "{text}: {:?}", warnings(&tree));
    }
}

#[test]
fn layout_faults_are_told_together() {
    let mut kit = tree("plain-2.8.3/site-1");
    for file in ["startup/client.crt", "startup/client.key", "startup/rootCA.pem", "local/resources.json.default"] {
        kit.remove(file);
    }
    put(&mut kit, "startup/fed_client.json", "{\n  \"ä\": ,}");
    let found = faults(&kit);
    assert_eq!(found.len(), 5, "{found:?}");
    assert!(found[0].starts_with("startup/fed_client.json:2:8: "), "{}", found[0]);

    let mut kit = tree("plain-2.8.3/site-1");
    put(&mut kit, "startup/fed_server.json", "{}");
    assert!(faults(&kit)[0].contains("more than one role file"));
    kit.remove("startup/fed_server.json");
    kit.remove("startup/fed_client.json");
    assert!(faults(&kit)[0].contains("no role file"));
    kit.remove("local");
    kit.remove("startup");
    assert_eq!(faults(&kit).len(), 2);
}

#[test]
fn json_files_are_judged_as_python_judges_them() {
    let mut kit = tree("plain-2.8.3/site-1");
    for (bytes, words) in [
        (&b"\xef\xbb\xbf{}"[..], "byte order mark"),
        (b"{\"a\": \"\xff\"}", "not UTF-8"),
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"5", "a number"),
        (b"null", "null"),
        (b"{} {}", "not JSON"),
    ] {
        put(&mut kit, "local/resources.json.default", bytes);
        let found = faults(&kit);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains(words) && found[0].starts_with("local/resources.json.default"), "{}", found[0]);
    }
    let deep = "[".repeat(100_000);
    put(&mut kit, "local/resources.json.default", deep);
    assert_eq!(faults(&kit).len(), 1);
}

#[test]
fn a_client_whose_server_is_its_own_pod_is_refused() {
    let mut kit = tree("plain-2.8.3/site-1");
    for target in ["localhost:8002", "LOCALHOST.", "127.0.0.1:8002", "127.1:8002", "[::1]:8002", "[::1]", "::1", "0.0.0.0:8002"] {
        let text = format!(r#"{{"servers": [{{"service": {{"target": "{target}"}}}}], "client": {{"fqsn": "site-1"}}}}"#);
        put(&mut kit, "startup/fed_client.json", text);
        let refused = read(&kit).expect_err(target);
        let [fault] = refused.all() else { panic!("{target}: {refused}") };
        assert_eq!(fault.code, Code::InvalidKit);
        assert!(fault.message.contains(target) && fault.message.contains("the pod itself"), "{}", fault.message);
    }
    // A server's own file does not say what clients call.
    let mut server = tree("plain-2.8.3/nvflare-server");
    put(&mut server, "startup/fed_server.json", r#"{"servers": [{"service": {"target": "localhost:8002"}}]}"#);
    assert!(read(&server).is_ok());
}

#[test]
fn a_client_of_an_old_release_that_knows_no_server_is_refused_with_the_key() {
    for kit in ["old-2.5.2/site-1", "old-2.6.2/site-1"] {
        let found = faults(&tree(kit));
        let [fault] = found.as_slice() else { panic!("{kit}: {found:?}") };
        assert!(fault.contains("`overseer_agent`") && fault.contains("`servers[0].service.target`"), "{fault}");
    }
    let mut kit = tree("plain-2.8.3/site-1");
    let text = r#"{"servers": [{"service": {"target": "h:1"}}], "overseer_agent": {}, "client": {"fqsn": "site-1"}}"#;
    put(&mut kit, "startup/fed_client.json", text);
    assert_eq!(warnings(&kit), Vec::<String>::new(), "an agent that nobody reads does no harm");
}

#[test]
fn what_clients_call_is_not_asked_of_the_servers_kit() {
    // As provision writes it: the server's file has the participant's name, the certificate and the clients have the `default_host`.
    let mut kit = tree("plain-2.8.3/nvflare-server");
    for target in ["fl-server:8002", "fl.example.org", "10.0.0.1:8002"] {
        let text = format!(r#"{{"servers": [{{"service": {{"target": "{target}"}}, "admin_server": "nvflare-server"}}]}}"#);
        put(&mut kit, "startup/fed_server.json", text);
        assert_eq!(warnings(&kit), Vec::<String>::new(), "{target}");
    }
}

#[test]
fn the_relay_of_a_client_is_read() {
    let relay = |kit: &FileTree| read(kit).unwrap().value.relay.map(|relay| (relay.name, relay.address));
    let mut kit = tree("child-2.8.3/behind-relay");
    assert_eq!(relay(&kit), Some(("relay-1".to_owned(), Some("relay-1:8004".to_owned()))));
    assert_eq!(relay(&tree("child-2.8.3/site-1")), None);
    for (text, name) in [
        (r#"{"relay_config": {"fqcn": "r1.r2"}}"#, Some("r2")),
        (r#"{"relay_config": {"fqcn": "r1.r2", "identity": "second"}}"#, Some("second")),
        (r#"{"relay_config": {"identity": "second"}}"#, None),
        (r#"{"relay_config": null}"#, None),
        (r#"{"relay_config": []}"#, None),
        ("{}", None),
    ] {
        put(&mut kit, "local/relay__resources.json", text);
        assert_eq!(relay(&kit).map(|(name, _)| name).as_deref(), name, "{text}");
    }
    put(&mut kit, "local/relay__resources.json", "{");
    assert!(faults(&kit)[0].starts_with("local/relay__resources.json:"), "{:?}", faults(&kit));
}

//! Exec streams: input, output and exit code, with servers that are old, slow, verbose or gone.

use std::time::Duration;

use flare_cluster::{Exec, Input, ProgramExit};
use flare_diagnostic::{Code, Diagnostic};
use tokio::io::AsyncReadExt as _;

use crate::{
    program::{Program, SPDY, V4, V5},
    server::{Answer, Server, refusal, review, usual},
};

fn exec() -> Exec {
    Exec {
        namespace: "site-1".into(),
        pod: "stager".into(),
        container: Some("main".into()),
        command: vec!["python3".into(), "-c".into(), "print('a b')".into()],
        deadline: Duration::from_secs(20),
    }
}

async fn server(protocol: &'static str, program: Program) -> Server {
    Server::start(move |asked| usual(asked).unwrap_or(Answer::Program(protocol, program))).await
}

async fn run<R: tokio::io::AsyncRead + Unpin + Send>(
    server: &Server,
    input: Input<R>,
) -> (Result<ProgramExit, Diagnostic>, Vec<u8>) {
    let mut printed = Vec::new();
    let ended = exec().run(&server.connect().await, input, &mut printed).await;
    (ended, printed)
}

/// Bytes that differ, so that a swapped or lost block is noticed.
fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|index| u8::try_from(index * 7 % 251).expect("below 251")).collect()
}

#[tokio::test]
async fn input_ends_without_the_connection_and_every_byte_comes_back() {
    for length in [0, 1, 65_535, 65_536, 65_537, 8 << 20] {
        let server = server(V5, Program::Cat).await;
        let sent = bytes(length);
        let (ended, printed) = run(&server, Input::UntilEnd(sent.as_slice())).await;
        assert_eq!(ended.expect("a status").exit_code, 0);
        assert!(printed == sent, "{length} bytes came back as {}", printed.len());
    }
}

#[tokio::test]
async fn the_request_is_the_one_that_kubelets_take() {
    let server = server(V5, Program::Exit(0)).await;
    run(&server, Input::nothing()).await.0.expect("a status").success(&exec()).expect("0");
    let asked = server.last("/exec?");
    assert_eq!(asked.method, "GET");
    let expected = "/api/v1/namespaces/site-1/pods/stager/exec?&stdout=true&stderr=true&container=main&command=python3&command=-c&command=print%28%27a+b%27%29";
    assert_eq!(asked.path, expected);
}

#[tokio::test]
async fn input_of_a_known_size_needs_no_half_close() {
    for protocol in [V5, V4] {
        let server = server(protocol, Program::Count(300_000)).await;
        let sent = bytes(300_000);
        let (ended, printed) = run(&server, Input::Sized(sent.as_slice(), 300_000)).await;
        assert_eq!(ended.expect("a status").exit_code, 0);
        let sum: u64 = sent.iter().copied().map(u64::from).sum();
        assert_eq!(printed, sum.to_string().as_bytes());
    }
}

#[tokio::test]
async fn an_old_server_is_refused_where_only_the_end_of_the_input_tells_the_length() {
    let server = server(V4, Program::Cat).await;
    let (ended, printed) = run(&server, Input::UntilEnd(&b"abc"[..])).await;
    let fault = ended.expect_err("the input could never end");
    assert_eq!(fault.code, Code::ClusterAnswerInvalid);
    assert!(printed.is_empty());
}

#[tokio::test]
async fn a_reader_that_is_shorter_than_was_said_is_an_error_and_a_longer_one_is_cut() {
    let short = server(V5, Program::Count(10)).await;
    let fault = run(&short, Input::Sized(&b"abc"[..], 10)).await.0.expect_err("seven bytes are missing");
    assert_eq!(fault.code, Code::StreamBroken);
    let long = server(V5, Program::Cat).await;
    let (ended, printed) = run(&long, Input::Sized(&b"abcdef"[..], 3)).await;
    assert_eq!((ended.expect("a status").exit_code, printed.as_slice()), (0, &b"abc"[..]));
}

#[tokio::test]
async fn a_program_that_prints_before_it_reads_does_not_block_its_input() {
    let server = server(V5, Program::Flood(24)).await;
    let sent = bytes(8 << 20);
    let (ended, printed) = run(&server, Input::UntilEnd(sent.as_slice())).await;
    let ended = ended.expect("a status");
    assert_eq!((ended.exit_code, printed.len()), (0, 24 << 20));
    assert_eq!(ended.stderr.len(), 16 << 10, "only the end of standard error is kept");
}

#[tokio::test]
async fn a_program_that_ends_before_it_has_read_everything_says_how_it_ended() {
    let server = server(V5, Program::Exit(3)).await;
    let endless = tokio::io::repeat(b'x');
    let (ended, _) = run(&server, Input::UntilEnd(endless)).await;
    let ended = ended.expect("a status, though the input never ends");
    assert_eq!(ended, ProgramExit { exit_code: 3, stderr: b"tar: not good\n".to_vec() });
    let fault = ended.success(&exec()).expect_err("3 is not a success");
    assert_eq!(fault.code, Code::PodProgramFailed);
    assert_eq!(fault.message, "`python3` in pod `stager` ended with exit number 3: tar: not good");
}

#[tokio::test]
async fn without_a_status_nothing_is_taken_as_done() {
    let sent = bytes(200_000);
    for program in
        [Program::Cut(0), Program::Cut(70_000), Program::Cut(200_000), Program::NoStatus(0), Program::NoStatus(200_000)]
    {
        for protocol in [V5, V4] {
            let server = server(protocol, program).await;
            let fault = run(&server, Input::Sized(sent.as_slice(), 200_000)).await.0.expect_err("there was no status");
            assert_eq!(fault.code, Code::StreamBroken, "{fault}");
        }
    }
}

#[tokio::test]
async fn output_that_comes_late_or_after_the_status_is_not_lost() {
    for (program, expected) in [(Program::Late, "late"), (Program::StatusFirst, "after")] {
        let server = server(V5, program).await;
        let printed = exec().output(&server.connect().await, Input::nothing()).await.expect("it succeeds");
        assert_eq!(printed, expected.as_bytes());
    }
}

/// A size for which the older protocol is requested.
const LARGE: usize = 5 << 20;

#[tokio::test]
async fn a_large_input_goes_the_way_that_the_api_server_does_not_look_into() {
    let sent = bytes(LARGE);
    let length = LARGE as u64;
    for (program, expected) in [(Program::Cat, sent.clone()), (Program::Flood(6), vec![b'x'; 6 << 20])] {
        let server = server(SPDY, program).await;
        let (ended, printed) = run(&server, Input::Sized(sent.as_slice(), length)).await;
        assert_eq!(ended.expect("a status").exit_code, 0);
        assert!(printed == expected, "{} bytes came back", printed.len());
        assert_eq!((server.count("/exec?"), server.last("/exec?").method.as_str()), (1, "POST"));
    }
    let server = server(SPDY, Program::Exit(3)).await;
    let ended = run(&server, Input::Sized(tokio::io::repeat(b'x'), 1 << 40)).await.0.expect("a status, though little was read");
    assert_eq!(ended, ProgramExit { exit_code: 3, stderr: b"tar: not good\n".to_vec() });
}

#[tokio::test]
async fn a_large_input_goes_over_a_web_socket_where_the_older_protocol_is_refused() {
    let refusals: [fn() -> Answer; 3] = [
        || refusal(403, "Forbidden", "pods \"stager\" is forbidden", &serde_json::json!({})),
        || Answer::Page(200, "a proxy that knows no upgrade"),
        || Answer::Close,
    ];
    for refuse in refusals {
        let server = Server::start(move |asked| {
            usual(asked).unwrap_or_else(|| if asked.method == "POST" { refuse() } else { Answer::Program(V5, Program::Cat) })
        })
        .await;
        let sent = bytes(LARGE);
        let (ended, printed) = run(&server, Input::Sized(sent.as_slice(), LARGE as u64)).await;
        assert_eq!(ended.expect("a status").exit_code, 0);
        assert!(printed == sent);
    }
}

#[tokio::test]
async fn without_a_status_nothing_of_a_large_input_is_taken_as_done() {
    let sent = bytes(LARGE);
    for program in [Program::Cut(0), Program::Cut(LARGE / 2), Program::Cut(LARGE), Program::NoStatus(0), Program::NoStatus(LARGE)]
    {
        let server = server(SPDY, program).await;
        let fault = run(&server, Input::Sized(sent.as_slice(), LARGE as u64)).await.0.expect_err("there was no status");
        assert_eq!(fault.code, Code::StreamBroken, "{fault}");
        assert_eq!(server.count("/exec?"), 1, "a program that may have run is not started again");
    }
}

#[tokio::test]
async fn a_program_that_does_not_end_is_given_up_at_the_deadline() {
    let server = server(V5, Program::Mute).await;
    let exec = Exec { deadline: Duration::from_millis(300), ..exec() };
    let fault = exec.output(&server.connect().await, Input::nothing()).await.expect_err("it never ends");
    assert_eq!(fault.code, Code::TimedOut);
}

#[tokio::test]
async fn more_output_than_is_kept_is_an_error_and_no_cut() {
    let server = server(V5, Program::Flood(5)).await;
    let fault = exec().output(&server.connect().await, Input::nothing()).await.expect_err("5 MiB are too many");
    assert_eq!(fault.code, Code::StreamBroken);
    assert!(fault.message.contains("longer than"), "{fault}");
}

#[tokio::test]
async fn slow_input_is_sent_as_it_comes() {
    let server = server(V5, Program::Cat).await;
    let (mut near, far) = tokio::io::duplex(64);
    let (output, mut echo) = tokio::io::duplex(64);
    let cluster = server.connect().await;
    let running = tokio::spawn(async move { exec().run(&cluster, Input::UntilEnd(far), output).await });
    let mut answer = [0; 4];
    tokio::io::AsyncWriteExt::write_all(&mut near, b"ping").await.expect("the stream is open");
    echo.read_exact(&mut answer).await.expect("an echo, though the input has not ended");
    assert_eq!(&answer, b"ping");
    drop(near);
    assert_eq!(running.await.expect("no panic").expect("a status").exit_code, 0);
}

#[tokio::test]
async fn who_may_not_run_programs_in_pods_reads_which_permission_is_missing() {
    let server = Server::start(|asked| {
        usual(asked).unwrap_or_else(|| {
            if asked.path.contains("selfsubjectaccessreviews") {
                return review(false);
            }
            refusal(403, "Forbidden", "pods \"stager\" is forbidden", &serde_json::json!({"name": "stager", "kind": "pods"}))
        })
    })
    .await;
    let fault = exec().output(&server.connect().await, Input::nothing()).await.expect_err("refused");
    assert_eq!(fault.code, Code::PermissionDenied);
    assert_eq!(fault.message, "the user `anna` may not get `pods/exec` `stager` in namespace `site-1`");
    assert!(fault.hint.expect("a hint").contains("--verb=get --resource=pods/exec"));
}

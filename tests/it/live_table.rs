//! The live table of `up` on a terminal: it is drawn in one place, and nothing of it stays, neither after a failure nor after Ctrl-C.
//!
//! The terminal is that of `script`, which is part of every Debian.

use std::{
    fs,
    io::Write as _,
    process::{Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use integration_tests::{
    api_server::{ApiServer, Silence},
    closed_api_server,
    command::{Finished, Sandbox},
    demo_federation::{self, write_kubeconfig},
    helm::helm,
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_flare-kube-under-test");

/// The width of the terminal.
const WIDTH: usize = 100;

/// The key that a terminal turns into an interruption.
const CTRL_C: &[u8] = b"\x03";

/// `up` on a terminal of its own. The result goes to a file, so that the terminal shows only what is told meanwhile.
fn up(sandbox: &Sandbox) -> Command {
    let up = "up --federation federation.yaml --prepared out --kubeconfig kubeconfig --timeout 600";
    let line = format!("stty rows 30 cols {WIDTH} -echo; exec '{PROGRAM}' {up} > result");
    let mut command = sandbox.command("script");
    command.args(["--quiet", "--return", "--command", &line, "/dev/null"]).env("TERM", "xterm").env("HELM", helm());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What a terminal shows of a text with the sequences by which the table is drawn. No other one is known, such as those that hide the cursor.
#[derive(Default)]
struct Screen {
    lines: Vec<Vec<char>>,
    row: usize,
    column: usize,
    /// What was shown each time before something was drawn over it.
    earlier: Vec<Vec<String>>,
}

impl Screen {
    fn of(text: &str) -> Self {
        let mut screen = Self::default();
        let mut rest = text.chars();
        while let Some(character) = rest.next() {
            match character {
                '\r' => screen.column = 0,
                '\n' => screen.row += 1,
                '\u{1b}' => {
                    assert_eq!(rest.next(), Some('['), "an unknown sequence in {text:?}");
                    let mut number = String::new();
                    let end = loop {
                        match rest.next().unwrap() {
                            digit if digit.is_ascii_digit() => number.push(digit),
                            end => break end,
                        }
                    };
                    screen.obey(end, number.parse().unwrap_or(1));
                }
                other => screen.put(other),
            }
        }
        screen
    }

    fn obey(&mut self, end: char, number: usize) {
        match end {
            'A' => {
                self.earlier.push(self.shown());
                self.row = self.row.checked_sub(number).expect("the cursor stays below the first line");
            }
            'B' => self.row += number,
            'K' => self.lines.get_mut(self.row).into_iter().for_each(Vec::clear),
            other => panic!("an unknown sequence that ends with `{other}`"),
        }
    }

    fn put(&mut self, character: char) {
        if self.column == WIDTH {
            (self.row, self.column) = (self.row + 1, 0);
        }
        if self.lines.len() <= self.row {
            self.lines.resize(self.row + 1, Vec::new());
        }
        let line = &mut self.lines[self.row];
        if line.len() <= self.column {
            line.resize(self.column + 1, ' ');
        }
        line[self.column] = character;
        self.column += 1;
    }

    /// The lines without the spaces at their ends.
    fn shown(&self) -> Vec<String> {
        self.lines.iter().map(|line| line.iter().collect::<String>().trim_end().to_owned()).collect()
    }
}

/// Looks at the terminal of a run that has ended: once it showed this table, now it shows the errors and no table.
fn check(finished: &Finished, table: &[&str]) {
    let screen = Screen::of(&finished.stdout);
    assert!(screen.earlier.iter().any(|earlier| earlier == table), "no {table:#?} in {:#?}", screen.earlier);
    let shown = screen.shown();
    let is_of_table = |line: &String| line.starts_with("NAME ") || line.starts_with("site-1 ");
    assert!(!shown.iter().any(is_of_table), "{shown:#?}");
    assert!(shown[0].starts_with("Warning: ") && shown.iter().any(|line| line.starts_with("Error: ")), "{shown:#?}");
    assert_eq!(screen.column, 0, "the prompt of a shell begins a line: {shown:#?}");
}

#[test]
fn a_run_that_fails_leaves_its_errors_and_no_table() {
    let sandbox = demo_federation::sandbox();
    write_kubeconfig(&sandbox.join("kubeconfig"), &closed_api_server::start());
    let finished = Finished::new(&up(&sandbox).output().unwrap(), sandbox.path()).expect_code(5);
    let table = [
        "NAME             PREPARE  STAGE  INSTALL  VERIFY",
        "nvflare-server   ok       FAIL   -        -",
        "site-1           ok       -      -        -",
        "site-2           ok       -      -        -",
    ];
    check(&finished, &table);
    let result = fs::read_to_string(sandbox.join("result")).unwrap();
    assert!(result.starts_with("NAME ") && result.lines().count() == 4, "{result}");
}

#[test]
fn ctrl_c_ends_a_run_and_takes_its_table_away() {
    let (sandbox, server) = (demo_federation::sandbox(), ApiServer::start());
    server.kubeconfig(&sandbox.join("kubeconfig"));
    server.begin(Some(Silence { request: 2, carried_out: false }));
    let mut run = up(&sandbox).spawn().unwrap();
    let began = Instant::now();
    while !server.is_silent() {
        let has_ended = run.try_wait().unwrap().is_some();
        if has_ended || began.elapsed() > Duration::from_mins(1) {
            let _ = run.kill();
            panic!("it asks for nothing: {:?}", run.wait_with_output());
        }
        sleep(Duration::from_millis(20));
    }
    run.stdin.as_mut().unwrap().write_all(CTRL_C).unwrap();
    let finished = Finished::new(&run.wait_with_output().unwrap(), sandbox.path()).expect_code(130);
    let table = [
        "NAME             PREPARE  STAGE  INSTALL  VERIFY",
        "nvflare-server   ok       ...    -        -       stage",
        "site-1           ok       -      -        -",
        "site-2           ok       -      -        -",
    ];
    check(&finished, &table);
}

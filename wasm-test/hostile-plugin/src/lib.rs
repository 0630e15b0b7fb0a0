//! Another plugin in the same proxy. Shared data is open to every plugin: this one does to entries what its configuration
//! says, on every tick. One move a line:
//!
//! ```text
//! set NAME HEX        these bytes (none: empty)
//! truncate NAME       half of what is there
//! bump NAME           what is there, so that its number moves on
//! replay NAME         what was there first, whatever came since
//! copy NAME OTHER     what is there under another name
//! show NAME           changes nothing; logs what is there
//! # anything          makes two configurations different
//! ```
//!
//! Each move is logged the first time that it was done, and `show` each time that it finds something new.

use std::collections::HashSet;
use std::time::Duration;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{ContextType, LogLevel};

const TICK: Duration = Duration::from_millis(20);

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|_| Box::new(Hostile { moves: Vec::new(), said: HashSet::new() }));
}}

struct Hostile {
    moves: Vec<Move>,
    said: HashSet<String>,
}

struct Move {
    line: String,
    name: String,
    what: What,
}

enum What {
    Set(Vec<u8>),
    Truncate,
    Bump,
    Replay(Option<Vec<u8>>),
    Copy(String),
    Show,
}

impl Hostile {
    fn say(&mut self, line: String) {
        if self.said.insert(line.clone()) {
            proxy_wasm::hostcalls::log(LogLevel::Info, &format!("hostile: {line}")).ok();
        }
    }

    fn read(&self, name: &str) -> Option<Vec<u8>> {
        self.get_shared_data(name).0.filter(|value| !value.is_empty())
    }

    /// What to write now; none where there is nothing to make it from yet.
    fn next(&self, one: &mut Move) -> Option<Vec<u8>> {
        match &mut one.what {
            What::Set(bytes) => Some(bytes.clone()),
            What::Truncate => self.read(&one.name).map(|value| value[..value.len() / 2].to_vec()),
            What::Bump => self.read(&one.name),
            What::Replay(first) => {
                *first = first.take().or_else(|| self.read(&one.name));
                first.clone()
            }
            What::Copy(other) => self.read(other),
            What::Show => None,
        }
    }
}

impl Context for Hostile {}

impl RootContext for Hostile {
    fn on_configure(&mut self, _: usize) -> bool {
        let text = String::from_utf8(self.get_plugin_configuration().unwrap_or_default()).unwrap_or_default();
        self.moves = text.lines().filter(|line| !line.starts_with('#')).map(parse).collect();
        self.set_tick_period(TICK);
        true
    }

    fn on_tick(&mut self) {
        let mut moves = std::mem::take(&mut self.moves);
        for one in &mut moves {
            if matches!(one.what, What::Show) {
                if let Some(value) = self.read(&one.name) {
                    self.say(format!("{} {}", one.line, hex(&value)));
                }
            } else if let Some(value) = self.next(one)
                && self.set_shared_data(&one.name, Some(&value), None).is_ok()
            {
                self.say(one.line.chars().take(200).collect());
            }
        }
        self.moves = moves;
    }

    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Passes))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

struct Passes;

impl Context for Passes {}

impl HttpContext for Passes {}

/// A line of the configuration; a wrong one ends the plugin, and the test that wrote it.
fn parse(line: &str) -> Move {
    let mut words = line.split(' ');
    let (verb, name) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let argument = words.next().unwrap_or_default();
    let what = match verb {
        "set" => What::Set(bytes(argument)),
        "truncate" => What::Truncate,
        "bump" => What::Bump,
        "replay" => What::Replay(None),
        "copy" => What::Copy(argument.to_owned()),
        "show" => What::Show,
        _ => panic!("hostile: no move {verb:?}"),
    };
    Move { line: line.to_owned(), name: name.to_owned(), what }
}

fn bytes(hex: &str) -> Vec<u8> {
    let digit = |at: usize| hex.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    (0..hex.len()).step_by(2).map(|at| digit(at).expect("hexadecimal digits")).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

//! What the programs here share; tests/e2e/test_redis_clients.py says what must come out of each of them.
//!
//!     PROGRAM PORT COUNTER [TOKEN]

use std::fmt::Display;

pub struct Setting {
    pub port: u16,
    pub counter: String,
    pub missing: String,
    pub large: String,
    pub token: Option<String>,
}

impl Setting {
    pub fn of_arguments() -> Setting {
        let mut arguments = std::env::args().skip(1);
        let port = arguments.next().expect("PORT").parse().expect("a port");
        let counter = arguments.next().expect("COUNTER");
        Setting {
            port,
            missing: format!("{counter}.none"),
            large: format!("{counter}.large"),
            counter,
            token: arguments.next(),
        }
    }
}

pub fn say(name: &str, value: impl Display) {
    println!("{name} {value}");
}

pub fn joined(ids: &[i64]) -> String {
    ids.iter().map(i64::to_string).collect::<Vec<_>>().join(" ")
}

pub fn or_none(value: Option<String>) -> String {
    value.unwrap_or_else(|| "none".to_string())
}

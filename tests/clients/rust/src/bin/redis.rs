use nextid_tests_clients::{joined, or_none, say, Setting};
use redis::{Commands, ConnectionAddr, IntoConnectionInfo, RedisConnectionInfo, RedisResult};

fn main() -> RedisResult<()> {
    let Setting { port, counter, missing, large, token } = Setting::of_arguments();
    let mut login = RedisConnectionInfo::default();
    if let Some(token) = token {
        login = login.set_password(token);
    }
    let address = ConnectionAddr::Tcp("127.0.0.1".to_string(), port);
    let info = address.into_connection_info()?.set_redis_settings(login);
    let mut client = redis::Client::open(info)?.get_connection()?;

    say("incr", client.incr::<_, _, i64>(&counter, 1)?);
    say("incrby", client.incr::<_, _, i64>(&counter, 10)?);
    say("get", client.get::<_, i64>(&counter)?);
    say("missing", or_none(client.get(&missing)?));
    let mut pipeline = redis::pipe();
    for _ in 0..10 {
        pipeline.incr(&counter, 1);
    }
    say("pipeline", joined(&pipeline.query::<Vec<i64>>(&mut client)?));
    let (first, last, value): (i64, i64, String) =
        redis::pipe().atomic().incr(&counter, 1).incr(&counter, 10).get(&counter).query(&mut client)?;
    say("transaction", format!("{first} {last} {value}"));
    let refused: RedisResult<i64> = redis::cmd("DECR").arg(&counter).query(&mut client);
    say("refused", refused.expect_err("ids only grow"));
    say("large", client.incr::<_, _, i64>(&large, 1)?);
    Ok(())
}

use fred::prelude::*;
use nextid_tests_clients::{joined, or_none, say, Setting};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let Setting { port, counter, missing, large, token } = Setting::of_arguments();
    let config = Config {
        server: ServerConfig::new_centralized("127.0.0.1", port),
        password: token,
        ..Config::default()
    };
    let client = Builder::from_config(config).build()?;
    client.init().await?;

    say("incr", client.incr::<i64, _>(&counter).await?);
    say("incrby", client.incr_by::<i64, _>(&counter, 10).await?);
    say("get", client.get::<i64, _>(&counter).await?);
    say("missing", or_none(client.get(&missing).await?));
    let pipeline = client.pipeline();
    for _ in 0..10 {
        let () = pipeline.incr(&counter).await?;
    }
    say("pipeline", joined(&pipeline.all::<Vec<i64>>().await?));
    let transaction = client.multi();
    let () = transaction.incr(&counter).await?;
    let () = transaction.incr_by(&counter, 10).await?;
    let () = transaction.get(&counter).await?;
    let (first, last, value): (i64, i64, String) = transaction.exec(true).await?;
    say("transaction", format!("{first} {last} {value}"));
    say("refused", client.decr::<i64, _>(&counter).await.expect_err("ids only grow"));
    say("large", client.incr::<i64, _>(&large).await?);
    client.quit().await
}

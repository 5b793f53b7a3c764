use nextid_tests_clients::{joined, or_none, say, Setting};
use rustis::client::{BatchPreparedCommand, Client, Config, ServerConfig};
use rustis::commands::StringCommands;
use rustis::Result;

#[tokio::main]
async fn main() -> Result<()> {
    let Setting { port, counter, missing, large, token } = Setting::of_arguments();
    let mut config = Config::default();
    config.server = ServerConfig::Standalone { host: "127.0.0.1".to_string(), port };
    config.password = token;
    let client = Client::connect(config).await?;

    say("incr", client.incr(&counter).await?);
    say("incrby", client.incrby(&counter, 10).await?);
    say("get", client.get::<i64>(&counter).await?);
    say("missing", or_none(client.get(&missing).await?));
    let mut pipeline = client.create_pipeline();
    for _ in 0..10 {
        pipeline.incr(&counter).queue();
    }
    say("pipeline", joined(&pipeline.execute::<Vec<i64>>().await?));
    let mut transaction = client.create_transaction();
    transaction.incr(&counter).queue();
    transaction.incrby(&counter, 10).queue();
    transaction.get::<String>(&counter).queue();
    let (first, last, value): (i64, i64, String) = transaction.execute().await?;
    say("transaction", format!("{first} {last} {value}"));
    say("refused", client.decr(&counter).await.expect_err("ids only grow"));
    say("large", client.incr(&large).await?);
    Ok(())
}

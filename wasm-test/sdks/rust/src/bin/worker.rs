//! A worker that renews its token: the connection gets the new token, and all calls from then on have it.

use std::error::Error;
use std::time::Duration;

use sdk_rust::{Activities, Hello, connect, token, variable};
use temporalio_client::Client;
use temporalio_sdk::{Runtime, Worker, WorkerOptions};
use tokio::signal::unix::{SignalKind, signal};

/// Hands over the token every second. If getting a token is a call to your provider, do it at half of the token's life.
async fn renew(client: Client) {
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        match token() {
            Ok(token) => client.connection().set_api_key(Some(token)),
            Err(error) => eprintln!("no new token: {error}"), // the old token may still be good; try again
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let runtime = Runtime::from_current_tokio(Default::default())?;
    let client = connect().await?;
    tokio::spawn(renew(client.clone()));

    let options = WorkerOptions::new(variable("TASK_QUEUE"))
        .register_workflow::<Hello>()?
        .register_activities(Activities)
        .build();
    let mut worker = Worker::new(&runtime, client, options)?;
    let shut_down = worker.shutdown_handle();
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::spawn(async move {
        terminate.recv().await;
        shut_down();
    });
    println!("working");
    worker.run().await?;
    Ok(())
}

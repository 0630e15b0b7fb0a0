//! A workflow with one activity, and the connection that worker and client share.

use std::env;
use std::error::Error;
use std::time::Duration;
use std::{fs, io};

use temporalio_client::{Client, ClientOptions, Connection, ConnectionOptions};
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use temporalio_sdk::{ActivityOptions, WorkflowContext, WorkflowResult};
use url::Url;

/// The token that is valid now. Here, something else keeps the file fresh; it may as well be a call to your provider.
pub fn token() -> io::Result<String> {
    Ok(fs::read_to_string(variable("TOKEN_FILE"))?.trim().to_owned())
}

pub fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("{name} is not set"))
}

pub async fn connect() -> Result<Client, Box<dyn Error>> {
    // `http` only where the hop to Envoy is local.
    let url = Url::parse(&format!("http://{}", variable("TEMPORAL_ADDRESS")))?;
    let connection = Connection::connect(ConnectionOptions::new(url).api_key(token()?).build()).await?;
    Ok(Client::new(connection, ClientOptions::new(variable("TEMPORAL_NAMESPACE")).build())?)
}

#[workflow]
#[derive(Default)]
pub struct Hello;

#[workflow_methods]
impl Hello {
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, name: String) -> WorkflowResult<String> {
        let options = ActivityOptions::start_to_close_timeout(Duration::from_secs(10));
        Ok(ctx.execute_activity(Activities::greet, name, options).await?)
    }
}

pub struct Activities;

#[activities]
impl Activities {
    #[activity]
    pub async fn greet(_ctx: ActivityContext, name: String) -> Result<String, ActivityError> {
        Ok(format!("Hello {name}!"))
    }
}

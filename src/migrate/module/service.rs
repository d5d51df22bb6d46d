//! A service of a job into the container that runs beside it. Knows on which ports well-known images listen.

use serde::{Deserialize, Serialize};

use crate::detect::ServiceFacts;
use crate::migrate::module::form::Text;
use crate::yaml::Value;

/// What runs beside a job.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Service {
    /// The image.
    pub image: Text,
    /// The names under which the job reaches it.
    pub names: Vec<String>,
    /// The ports on which it listens.
    pub ports: Vec<u16>,
    /// Variables of its own.
    pub variables: Vec<(String, Text)>,
    /// The words that it runs instead of its image's command.
    pub command: Vec<String>,
    /// The words that it runs instead of its image's entrypoint.
    pub entrypoint: Option<Vec<String>>,
    /// What it has besides where it is a Docker daemon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub daemon: Option<Daemon>,
}

/// What a Docker daemon needs of the engine besides all rights.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Daemon {
    /// The name of the volume with its images and containers.
    pub storage: Text,
}

impl Service {
    /// The texts in it that may hold variables.
    pub fn texts(&self) -> impl Iterator<Item = &Text> {
        let storage = self.daemon.iter().map(|daemon| &daemon.storage);
        std::iter::once(&self.image).chain(self.variables.iter().map(|(_, text)| text)).chain(storage)
    }
}

/// The ports of images, by the last parts of their names: those that their Dockerfiles expose and that clients use.
const PORTS: &[(&str, &[u16])] = &[
    ("cassandra", &[9042]),
    ("chrome", &[4444]),
    ("clickhouse-server", &[8123, 9000]),
    ("consul", &[8500]),
    ("couchdb", &[5984]),
    ("dynamodb-local", &[8000]),
    ("elasticsearch", &[9200]),
    ("etcd", &[2379]),
    ("influxdb", &[8086]),
    ("localstack", &[4566]),
    ("mailhog", &[1025, 8025]),
    ("mailpit", &[1025, 8025]),
    ("mariadb", &[3306]),
    ("memcached", &[11211]),
    ("minio", &[9000]),
    ("mongo", &[27017]),
    ("mysql", &[3306]),
    ("nats", &[4222]),
    ("neo4j", &[7474, 7687]),
    ("nginx", &[80]),
    ("opensearch", &[9200]),
    ("percona", &[3306]),
    ("pgvector", &[5432]),
    ("postgis", &[5432]),
    ("postgres", &[5432]),
    ("rabbitmq", &[5672]),
    ("redis", &[6379]),
    ("server", &[1433]),
    ("solr", &[8983]),
    ("standalone-chrome", &[4444]),
    ("standalone-firefox", &[4444]),
    ("timescaledb", &[5432]),
    ("valkey", &[6379]),
    ("vault", &[8200]),
    ("zookeeper", &[2181]),
];

/// What the service `facts` is.
///
/// # Errors
/// Why it can't run beside a function: a lower-case fragment.
pub(super) fn service(facts: &ServiceFacts) -> Result<Service, String> {
    let image = &facts.image;
    let path = image.text.split('@').next().unwrap_or(&image.text);
    let last = path.rsplit('/').next().unwrap_or(path).split(':').next().unwrap_or_default();
    if path.contains("$[[") || image.image.value.get("docker").is_some() || image.image.value.get("kubernetes").is_some() {
        return Err("the service is run with options of an executor, or depends on what is not known".to_owned());
    }
    // `server` alone is the name of many images, of which one is known.
    let known = PORTS.iter().find(|(name, _)| *name == last && (last != "server" || path.contains("mssql/server")));
    let Some((_, ports)) = known else { return Err(format!("it is not known on which ports the service `{path}` listens")) };
    let own = image.image.variables().into_iter().flat_map(|variables| variables.named());
    let variables: Vec<(String, Text)> = own
        .filter_map(|(name, entry)| {
            let value = entry.value.get("value").unwrap_or(&entry.value);
            Some((name.to_owned(), Text::new(&Value::scalar_text(value)?)))
        })
        .collect();
    Ok(Service {
        image: Text::new(image.image.text()),
        names: facts.names.clone(),
        ports: ports.to_vec(),
        variables,
        command: image.image.command().unwrap_or_default(),
        entrypoint: image.image.entrypoint(),
        daemon: None,
    })
}

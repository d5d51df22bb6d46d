//! Command lines of curl, wget and database clients into whether they send something to another host (`curl --manual`, `wget --help`, `psql --help`).

/// Short options of curl behind which a value stands, glued or as the next word.
const CURL_VALUED: &str = "AbcCdDeEFhHKmoPQrtTuUwxXyYz";

/// Long options of curl behind which a value stands that is no address.
const CURL_LONG: &[&str] = &[
    "--cacert",
    "--cert",
    "--config",
    "--connect-timeout",
    "--cookie",
    "--cookie-jar",
    "--header",
    "--key",
    "--max-time",
    "--output",
    "--output-dir",
    "--proxy",
    "--range",
    "--referer",
    "--resolve",
    "--retry",
    "--retry-delay",
    "--retry-max-time",
    "--user",
    "--user-agent",
    "--write-out",
];

/// Whether curl sends something to a host that does not belong to the job.
pub fn curl(arguments: &[&str], local: &[&str]) -> bool {
    let (mut sends, mut asks, mut method, mut addresses) = (false, false, None, Vec::new());
    let mut rest = arguments.iter().copied();
    while let Some(argument) = rest.next() {
        if let Some(long) = argument.strip_prefix("--") {
            let (name, glued) = long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value)));
            match name {
                "get" => asks = true,
                "request" => method = glued.or_else(|| rest.next()),
                "upload-file" | "json" => {
                    sends = true;
                    let _ = glued.or_else(|| rest.next());
                }
                "url" => addresses.extend(glued.or_else(|| rest.next())),
                _ if name == "data" || name.starts_with("data-") || name.starts_with("form") => {
                    sends = true;
                    let _ = glued.or_else(|| rest.next());
                }
                _ if glued.is_none() && CURL_LONG.contains(&argument) => drop(rest.next()),
                _ => {}
            }
            continue;
        }
        let Some(cluster) = argument.strip_prefix('-').filter(|cluster| !cluster.is_empty()) else {
            addresses.push(argument);
            continue;
        };
        for (at, flag) in cluster.char_indices() {
            match flag {
                'G' => asks = true,
                'I' => method = Some("HEAD"),
                'T' | 'd' | 'F' => sends = true,
                _ => {}
            }
            if CURL_VALUED.contains(flag) {
                let glued = Some(&cluster[at + flag.len_utf8()..]).filter(|value| !value.is_empty());
                let value = glued.or_else(|| rest.next());
                if flag == 'X' {
                    method = value;
                }
                break;
            }
        }
    }
    let sends = match method {
        Some("GET" | "HEAD" | "OPTIONS") => false,
        Some(_) => true,
        None => sends && !asks,
    };
    sends && !are_local(&addresses, local)
}

/// Whether wget sends something to a host that does not belong to the job.
pub fn wget(arguments: &[&str], local: &[&str]) -> bool {
    let is = |argument: &str, option: &str| argument.strip_prefix(option).is_some_and(|rest| rest.is_empty() || rest.starts_with('='));
    let method = |pair: &[&str]| match pair {
        [option, value, ..] if *option == "--method" => Some((*value).to_owned()),
        [option, ..] => option.strip_prefix("--method=").map(str::to_owned),
        [] => None,
    };
    let method = (0..arguments.len()).find_map(|at| method(&arguments[at..]));
    let sends = arguments
        .iter()
        .any(|argument| ["--post-data", "--post-file", "--body-data", "--body-file"].iter().any(|option| is(argument, option)));
    let addresses: Vec<&str> =
        arguments.iter().copied().filter(|argument| !argument.starts_with('-') && argument.contains("://")).collect();
    (sends || method.is_some_and(|method| !matches!(&*method, "GET" | "HEAD" | "OPTIONS"))) && !are_local(&addresses, local)
}

/// Clients that are told their server by `-h`, `--host` or an address.
#[rustfmt::skip]
pub const DATABASES: &[&str] = &[
    "psql", "pg_restore", "createdb", "dropdb", "mysql", "mysqladmin", "mariadb", "mongo", "mongosh", "mongorestore", "redis-cli", "cqlsh", "sqlcmd",
    "clickhouse-client", "liquibase", "flyway",
];

/// Whether a database's client is told a server that is known to be another machine. A name without a domain is one of the job's own network.
pub fn database(arguments: &[&str], local: &[&str]) -> bool {
    let is_there = |server: &str| {
        let host = server.split(['/', '?']).next().unwrap_or_default().rsplit('@').next().unwrap_or_default();
        let name = host.split(':').next().unwrap_or_default();
        name.contains('.') && !name.contains("${") && !are_local(&[host], local)
    };
    let told = |at: usize| match arguments[at].split_once('=') {
        Some(("--host" | "-h", server)) => is_there(server),
        Some(("host", server)) => server.split_whitespace().next().is_some_and(is_there),
        _ if matches!(arguments[at], "-h" | "--host" | "-S") => arguments.get(at + 1).is_some_and(|server| is_there(server)),
        _ if arguments[at].starts_with("-h") => is_there(&arguments[at][2..]),
        _ => arguments[at].split_once("://").is_some_and(|(_, server)| !server.starts_with('/') && is_there(server)),
    };
    (0..arguments.len()).any(told)
}

/// Whether all addresses, of which there is one at least, are of the job's own hosts.
fn are_local(addresses: &[&str], local: &[&str]) -> bool {
    let host = |address: &&str| {
        let rest = address.split_once("://").map_or(*address, |(_, rest)| rest);
        let rest = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let rest = rest.rsplit('@').next().unwrap_or_default();
        if rest.starts_with('[') {
            rest.split(']').next().unwrap_or_default().trim_start_matches('[').to_owned()
        } else {
            rest.split(':').next().unwrap_or_default().to_owned()
        }
    };
    !addresses.is_empty()
        && addresses.iter().map(host).all(|host| matches!(&*host, "localhost" | "127.0.0.1" | "0.0.0.0" | "::1") || local.contains(&&*host))
}

//! Files into containers and out of them, as tar streams.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Component, Path, PathBuf};
use std::thread;

use bollard::query_parameters::{DownloadFromContainerOptions, UploadToContainerOptions};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use tar::{Archive, Builder, EntryType, Header};
use walkdir::WalkDir;

use crate::run::live::docker::client::{Client, failed, is_unknown};
use crate::run::live::executor::Fault;
use crate::run::live::folder::MAX_ENTRIES;
use crate::run::wanted::Wanted;

/// Bytes that are sent at once.
const PIECE: usize = 64 * 1024;

/// Makes folders in a container, with those above them.
///
/// # Errors
/// [`Fault`] where the engine refuses.
pub fn make_folders(client: &Client, id: &str, folders: &[&str]) -> Result<(), Fault> {
    let folders: Vec<String> = folders.iter().map(ToString::to_string).collect();
    upload(client, id, move |archive| folders.iter().try_for_each(|folder| above(archive, &format!("{folder}/x"))))
}

/// Lays the files of the folder `from` into the folder `to` of a container.
///
/// # Errors
/// [`Fault`] where they can't be read, or the engine refuses.
pub fn put(client: &Client, id: &str, from: &Path, to: &str, modes: Modes) -> Result<(), Fault> {
    let (from, to) = (from.to_owned(), to.trim_start_matches('/').to_owned());
    upload(client, id, move |archive| {
        for entry in WalkDir::new(&from).min_depth(1) {
            let entry = entry.map_err(io::Error::from)?;
            let relative = entry.path().strip_prefix(&from).unwrap_or(entry.path());
            add(archive, entry.path(), &Path::new(&to).join(relative), modes)?;
        }
        Ok(())
    })
}

/// Writes a file in a container.
///
/// # Errors
/// [`Fault`] where the engine refuses.
pub fn put_text(client: &Client, id: &str, text: &str, path: &str) -> Result<(), Fault> {
    let (text, path) = (text.to_owned(), path.to_owned());
    upload(client, id, move |archive| {
        above(archive, &path)?;
        let mut header = Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(text.len() as u64);
        archive.append_data(&mut header, path.trim_start_matches('/'), text.as_bytes())
    })
}

/// Adds the folders above the absolute `path`, from the second on: the first is a volume.
fn above(archive: &mut Builder<impl Write>, path: &str) -> io::Result<()> {
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    for count in 2..parts.len() {
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Directory);
        header.set_mode(0o777);
        header.set_size(0);
        archive.append_data(&mut header, format!("{}/", parts[..count].join("/")), io::empty())?;
    }
    Ok(())
}

/// The permissions of files in a container.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Modes {
    /// Those that they have here.
    Kept,
    /// Whoever runs there may write to them, as to what the runner's helper checks out.
    Open,
}

/// Adds one entry of the file system.
fn add(archive: &mut Builder<impl Write>, from: &Path, name: &Path, modes: Modes) -> io::Result<()> {
    let more = |mode: u32| if modes == Modes::Open { mode } else { 0 };
    let metadata = from.symlink_metadata()?;
    let mut header = Header::new_gnu();
    header.set_metadata(&metadata);
    header.set_uid(0);
    header.set_gid(0);
    if metadata.is_dir() {
        header.set_mode(header.mode()? | more(0o777));
        return archive.append_data(&mut header, name, io::empty());
    }
    if metadata.is_symlink() {
        return archive.append_link(&mut header, name, fs::read_link(from)?);
    }
    if !metadata.is_file() {
        return Ok(());
    }
    header.set_mode(header.mode()? | more(0o666));
    // What grows while it is read is cut, so that the archive stays whole.
    archive.append_data(&mut header, name, fs::File::open(from)?.take(metadata.len()))
}

/// Sends what `write` makes, from the root of the container.
fn upload(client: &Client, id: &str, write: impl FnOnce(&mut Builder<io::PipeWriter>) -> io::Result<()> + Send) -> Result<(), Fault> {
    let (reader, writer) = io::pipe().map_err(|error| Fault::io("a pipe can't be made", &error))?;
    thread::scope(|scope| {
        let writing = scope.spawn(move || {
            let mut archive = Builder::new(writer);
            write(&mut archive).and_then(|()| archive.into_inner().map(drop))
        });
        let options = UploadToContainerOptions { path: "/".to_owned(), ..UploadToContainerOptions::default() };
        let sent = client.wait(client.docker.upload_to_container(id, Some(options), bollard::body_stream(pieces(reader))));
        match (writing.join(), sent) {
            (_, Err(error)) => Err(failed("files can't be sent into the container", &error)),
            (Ok(Err(error)), Ok(())) => Err(Fault::io("files can't be read", &error)),
            (Ok(Ok(())) | Err(_), Ok(())) => Ok(()),
        }
    })
}

/// What a reader gives, piece by piece.
fn pieces(mut reader: impl Read + Send + 'static) -> impl Stream<Item = Bytes> + Send + 'static {
    stream::iter(std::iter::from_fn(move || {
        let mut piece = vec![0; PIECE];
        let count = reader.read(&mut piece).ok().filter(|count| *count > 0)?;
        piece.truncate(count);
        Some(Bytes::from(piece))
    }))
}

/// Copies what is wanted of the folder `project` of a container into `to`. Gives the number of entries.
///
/// # Errors
/// [`Fault`] where something can't be read or written.
pub fn take(client: &Client, id: &str, project: &str, wanted: &mut Wanted, to: &Path) -> Result<usize, Fault> {
    let mut count = 0;
    let mut folders: Vec<(PathBuf, u32)> = Vec::new();
    for root in wanted.roots() {
        let path = if root.is_empty() { project.to_owned() } else { format!("{project}/{root}") };
        // Names in the archive begin with the last part of what was asked for.
        let parent = Path::new(&root).parent().map(Path::to_owned).unwrap_or_default();
        let options = DownloadFromContainerOptions { path: path.clone() };
        let mut download = Box::pin(client.docker.download_from_container(id, Some(options)));
        let first = match client.wait(download.next()) {
            Some(Err(error)) if is_unknown(&error) => continue,
            Some(Err(error)) => return Err(failed(&format!("`{path}` can't be read"), &error)),
            first => first.and_then(Result::ok),
        };
        let reader = Reader { client, stream: download, piece: first.unwrap_or_default() };
        let mut archive = Archive::new(reader);
        let entries = archive.entries().map_err(|error| Fault::io("the container's files can't be read", &error))?;
        for entry in entries {
            let mut entry = entry.map_err(|error| Fault::io("the container's files can't be read", &error))?;
            let name = entry.path().map_err(|error| Fault::io("a file of the container has no name", &error))?.into_owned();
            let Some(relative) = relative(&name, &parent, root.is_empty()) else { continue };
            let shown = relative.to_string_lossy().into_owned();
            if shown.is_empty() || !wanted.has(&shown, entry.header().entry_type().is_dir()) {
                continue;
            }
            count += 1;
            if count > MAX_ENTRIES {
                return Err(Fault(format!("there are more than {MAX_ENTRIES} files and folders")));
            }
            if let (true, Ok(mode)) = (entry.header().entry_type().is_dir(), entry.header().mode()) {
                folders.push((to.join(&relative), mode));
            }
            unpack(&mut entry, &relative, to).map_err(|error| Fault::io(format_args!("`{shown}` can't be written"), &error))?;
        }
    }
    // What is read-only had to be written to until now.
    for (folder, mode) in folders.into_iter().rev() {
        permit(&folder, mode).map_err(|error| Fault::io(format_args!("`{}` can't be given its permissions", folder.display()), &error))?;
    }
    Ok(count)
}

#[cfg(unix)]
fn permit(folder: &Path, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(folder, fs::Permissions::from_mode(mode & 0o777))
}

#[cfg(not(unix))]
fn permit(_folder: &Path, _mode: u32) -> io::Result<()> {
    Ok(())
}

/// The path of an entry in the project; nothing for one that leads elsewhere. `is_whole` says that the first part is the project itself.
fn relative(name: &Path, parent: &Path, is_whole: bool) -> Option<PathBuf> {
    let mut parts = name.components().filter(|part| *part != Component::CurDir);
    if is_whole {
        parts.next();
    }
    let rest: PathBuf = parts.map(|part| if let Component::Normal(part) = part { Some(part) } else { None }).collect::<Option<_>>()?;
    Some(if is_whole { rest } else { parent.join(rest) })
}

/// Writes an entry below `to`, never through a link.
fn unpack(entry: &mut tar::Entry<'_, impl Read>, relative: &Path, to: &Path) -> io::Result<()> {
    let mut folder = to.to_owned();
    fs::create_dir_all(&folder)?;
    for part in relative.parent().into_iter().flat_map(Path::components) {
        folder.push(part);
        match folder.symlink_metadata() {
            Ok(there) if there.is_dir() => {}
            Ok(_) => return Err(io::Error::other("it would be written through a link")),
            Err(_) => fs::create_dir(&folder)?,
        }
    }
    let target = to.join(relative);
    match entry.header().entry_type() {
        EntryType::Directory => match target.symlink_metadata() {
            Ok(there) if there.is_dir() => Ok(()),
            _ => fs::create_dir(&target),
        },
        // The file that it is another name of may be none of those that were taken.
        EntryType::Link => Err(io::Error::other("it is a hard link, which is not copied")),
        EntryType::Regular | EntryType::Symlink | EntryType::Continuous | EntryType::GNUSparse => entry.unpack(&target).map(drop),
        _ => Ok(()),
    }
}

/// A stream as something to read.
struct Reader<'a, S> {
    client: &'a Client,
    stream: S,
    piece: Bytes,
}

impl<S: Stream<Item = Result<Bytes, bollard::errors::Error>> + Unpin> Read for Reader<'_, S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.client.wait(self.stream.next()) {
                Some(Ok(piece)) => self.piece = piece,
                Some(Err(error)) => return Err(io::Error::other(error)),
                None => return Ok(0),
            }
        }
        let count = buffer.len().min(self.piece.len());
        buffer[..count].copy_from_slice(&self.piece.split_to(count));
        Ok(count)
    }
}

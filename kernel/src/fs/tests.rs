//! Names, directories and descriptors in memory.

use super::memory::MemFs;
use super::path::{Last, Walker};
use super::*;
use crate::prelude::*;
use crate::process::Credentials;
use crate::syscalls::args::FileDesc;

const ROOT: [u32; 2] = [0, 0];

struct Tree {
    root: Arc<Dentry>,
    view: FsView,
    credentials: Credentials,
}

impl Tree {
    fn new() -> Self {
        let root = Dentry::new_root(MemFs::new_root(None, 0o755, ROOT), None);
        Self { view: FsView::new(root.clone(), root.clone(), 0), root, credentials: Credentials::new(0, 0, &[]) }
    }

    fn walker(&self) -> Walker<'_> {
        Walker::new(&self.view, &self.credentials)
    }

    fn make(&self, path: &str, node: NewNode, mode: u32) -> Arc<Dentry> {
        let parent = self.walker().resolve_parent(None, path.as_bytes()).unwrap();
        let inode = parent.dir.inode().create(&parent.name, node, mode, ROOT).unwrap();
        parent.dir.adopt(&parent.name, inode)
    }

    fn dir(&self, path: &str) -> Arc<Dentry> {
        self.make(path, NewNode::Directory, 0o755)
    }

    fn file(&self, path: &str) -> Arc<Dentry> {
        self.make(path, NewNode::Regular, 0o644)
    }

    fn link(&self, path: &str, target: &str) {
        self.make(path, NewNode::Symlink(target.into()), 0o777);
    }

    fn resolve(&self, path: &str) -> Result<Arc<Dentry>> {
        self.walker().resolve(None, path.as_bytes(), Last::Follow)
    }

    fn path(&self, path: &str) -> String {
        String::from_utf8(self.resolve(path).unwrap().path()).unwrap()
    }

    fn error(&self, path: &str) -> Errno {
        self.resolve(path).err().unwrap().errno()
    }
}

#[test]
fn paths_lead_through_dots_slashes_and_links() {
    let tree = Tree::new();
    tree.dir("/a");
    tree.dir("/a/b");
    tree.file("/a/b/file");
    tree.link("/a/up", "../a/./b");
    tree.link("/absolute", "/a/up/file");
    assert_eq!(tree.path("//a///b/./file"), "/a/b/file");
    assert_eq!(tree.path("/a/up/file"), "/a/b/file");
    assert_eq!(tree.path("/absolute"), "/a/b/file");
    assert_eq!(tree.path("/../../a/b/.."), "/a");
    assert_eq!(tree.path("a/up/"), "/a/b");
    let link = tree.walker().resolve(None, b"/a/up", Last::NoFollow).unwrap();
    assert_eq!(link.path(), b"/a/up");
}

#[test]
fn wrong_paths_give_linuxs_errors() {
    let tree = Tree::new();
    tree.file("/file");
    tree.link("/loop", "loop");
    tree.link("/dangling", "nowhere");
    assert_eq!(tree.error(""), Errno::ENOENT);
    assert_eq!(tree.error("/nowhere"), Errno::ENOENT);
    assert_eq!(tree.error("/file/"), Errno::ENOTDIR);
    assert_eq!(tree.error("/file/."), Errno::ENOTDIR);
    assert_eq!(tree.error("/file/x"), Errno::ENOTDIR);
    assert_eq!(tree.error("/loop"), Errno::ELOOP);
    assert_eq!(tree.error("/dangling"), Errno::ENOENT);
    assert_eq!(tree.error(&"n".repeat(256)), Errno::ENAMETOOLONG);
    assert_eq!(tree.error(&"n".repeat(255)), Errno::ENOENT);
}

#[test]
fn forty_links_are_followed_and_no_more() {
    let tree = Tree::new();
    tree.file("/link0");
    for index in 1..=41 {
        tree.link(&format!("/link{index}"), &format!("link{}", index - 1));
    }
    assert!(tree.resolve("/link40").is_ok());
    assert_eq!(tree.error("/link41"), Errno::ELOOP);
}

#[test]
fn searching_a_directory_needs_permission() {
    let mut tree = Tree::new();
    tree.make("/closed", NewNode::Directory, 0o700);
    tree.file("/closed/file");
    tree.credentials = Credentials::new(1000, 1000, &[]);
    assert_eq!(tree.error("/closed/file"), Errno::EACCES);
    assert!(tree.resolve("/closed").is_ok());
}

#[test]
fn mounts_cover_and_dots_lead_out() {
    let tree = Tree::new();
    tree.dir("/mnt");
    let inner = MemFs::new_root(None, 0o755, ROOT);
    inner.create(b"inside", NewNode::Directory, 0o755, ROOT).unwrap();
    tree.resolve("/mnt").unwrap().mount(inner);
    assert_eq!(tree.path("/mnt/inside"), "/mnt/inside");
    assert_eq!(tree.path("/mnt/inside/../.."), "/");
    assert!(tree.resolve("/mnt").unwrap().is_mounted());
}

#[test]
fn moved_directories_take_their_dentries_along() {
    let tree = Tree::new();
    tree.dir("/a");
    let deep = tree.dir("/a/deep");
    let to = tree.dir("/to");
    tree.root.inode().rename(b"a", to.inode(), b"b", RenameFlags::Replace).unwrap();
    tree.root.moved(b"a", &to, b"b");
    assert_eq!(deep.path(), b"/to/b/deep");
    assert_eq!(tree.error("/a"), Errno::ENOENT);
    assert!(Arc::ptr_eq(&tree.resolve("/to/b/deep").unwrap(), &deep));
    assert_eq!(tree.root.inode().metadata().unwrap().nlink, 3);
    assert_eq!(to.inode().metadata().unwrap().nlink, 3);
}

#[test]
fn removed_names_are_shown_as_deleted() {
    let tree = Tree::new();
    let file = tree.file("/file");
    tree.root.inode().unlink(b"file").unwrap();
    tree.root.forget(b"file");
    assert_eq!(file.path(), b"/file (deleted)");
    assert_eq!(file.inode().metadata().unwrap().nlink, 0);
    assert_eq!(tree.error("/file"), Errno::ENOENT);
}

#[test]
fn a_very_deep_directory_is_dropped_without_recursion() {
    let tree = Tree::new();
    let mut dentry = Dentry::new_root(MemFs::new_root(None, 0o755, ROOT), None);
    for _ in 0..200_000 {
        let inode = tree.root.inode().clone();
        dentry = Dentry::child_for_test(&dentry, b"d", inode);
    }
    drop(dentry);
}

#[test]
fn what_shows_through_is_hidden_copied_and_merged() {
    let lower = MemFs::new_root(None, 0o755, ROOT);
    lower
        .create(b"dir", NewNode::Directory, 0o755, ROOT)
        .unwrap()
        .create(b"old", NewNode::Regular, 0o644, ROOT)
        .unwrap();
    lower.create(b"file", NewNode::Regular, 0o600, [7, 7]).unwrap();
    let upper = MemFs::new_root(Some(lower.clone()), 0o755, ROOT);

    let file = upper.lookup(b"file").unwrap();
    let before = file.metadata().unwrap();
    file.set_attributes(SetAttributes { mode: Some(0o644), ..SetAttributes::default() }).unwrap();
    let after = upper.lookup(b"file").unwrap().metadata().unwrap();
    assert_eq!((after.mode, after.uid, after.ino, after.dev), (0o644, 7, before.ino, before.dev));
    assert_eq!(lower.lookup(b"file").unwrap().metadata().unwrap().mode, 0o600);

    let dir = upper.lookup(b"dir").unwrap();
    dir.create(b"new", NewNode::Regular, 0o644, ROOT).unwrap();
    let names =
        |inode: &Arc<dyn Inode>| inode.read_dir().unwrap().into_iter().map(|entry| entry.name).collect::<Vec<_>>();
    assert_eq!(names(&dir), [b"old".to_vec(), b"new".to_vec()]);
    assert_eq!(upper.rmdir(b"dir").err().unwrap().errno(), Errno::ENOTEMPTY);
    dir.unlink(b"old").unwrap();
    dir.unlink(b"new").unwrap();
    upper.rmdir(b"dir").unwrap();
    assert_eq!(upper.lookup(b"dir").err().unwrap().errno(), Errno::ENOENT);
    // A new directory of the name doesn't bring back what was there.
    assert!(names(&upper.create(b"dir", NewNode::Directory, 0o755, ROOT).unwrap()).is_empty());
    assert_eq!(names(&lower.lookup(b"dir").unwrap()), [b"old".to_vec()]);
}

#[test]
fn a_removed_lower_file_stays_removed_when_it_changes() {
    let lower = MemFs::new_root(None, 0o755, ROOT);
    lower.create(b"file", NewNode::Regular, 0o600, ROOT).unwrap();
    let upper = MemFs::new_root(Some(lower), 0o755, ROOT);
    let file = upper.lookup(b"file").unwrap();
    upper.unlink(b"file").unwrap();
    file.set_attributes(SetAttributes { mode: Some(0o644), ..SetAttributes::default() }).unwrap();
    assert_eq!(file.metadata().unwrap().mode, 0o644);
    assert_eq!(upper.lookup(b"file").err().unwrap().errno(), Errno::ENOENT);
}

#[test]
fn the_lowest_free_descriptor_is_given() {
    let table = FileTable::default();
    let file: Arc<dyn File> = pipe::create(StatusFlags::empty(), ROOT)[0].clone();
    let insert = |lowest| table.insert(file.clone(), FdFlags::empty(), lowest, 5);
    for expected in 0..3 {
        assert_eq!(insert(0).unwrap(), FileDesc(expected));
    }
    table.remove(FileDesc(1)).unwrap();
    assert_eq!(insert(2).unwrap(), FileDesc(3));
    assert_eq!(insert(0).unwrap(), FileDesc(1));
    assert_eq!(insert(0).unwrap(), FileDesc(4));
    assert_eq!(insert(0).err().unwrap().errno(), Errno::EMFILE);
    assert_eq!(table.remove(FileDesc(-1)).err().unwrap().errno(), Errno::EBADF);
    table.set_flags(FileDesc(3), FdFlags::CLOEXEC).unwrap();
    table.close_on_exec();
    table.close_range(4, u32::MAX);
    assert_eq!(table.descriptors(), [0, 1, 2].map(FileDesc));
}

#[test]
fn a_remembered_file_is_gone_once_its_descriptor_is_closed_or_replaced() {
    let table = FileTable::default();
    let [reader, writer]: [Arc<dyn File>; 2] =
        pipe::create(StatusFlags::empty(), ROOT).map(|file| -> Arc<dyn File> { file });
    let mut recent = RecentFiles::default();
    let fd = table.insert(reader.clone(), FdFlags::empty(), 0, 9).unwrap();
    assert!(recent.get(fd).is_none());
    assert!(Arc::ptr_eq(&recent.look_up(&table, fd).unwrap(), &reader));
    assert!(recent.get(fd).is_some());
    table.replace(fd, writer.clone(), FdFlags::empty(), 9).unwrap();
    assert!(recent.get(fd).is_none());
    assert!(Arc::ptr_eq(&recent.look_up(&table, fd).unwrap(), &writer));
    table.remove(fd).unwrap();
    assert!(recent.get(fd).is_none());
    assert_eq!(recent.look_up(&table, fd).err().unwrap().errno(), Errno::EBADF);
    let other = FileTable::default();
    other.insert(reader, FdFlags::empty(), 0, 9).unwrap();
    assert!(recent.look_up(&other, fd).is_ok());
}

#[test]
fn a_thread_that_closes_a_descriptor_remembers_the_others_unless_another_one_was_lost() {
    let table = FileTable::default();
    let [reader, writer]: [Arc<dyn File>; 2] =
        pipe::create(StatusFlags::empty(), ROOT).map(|file| -> Arc<dyn File> { file });
    let insert = |file: &Arc<dyn File>| table.insert(file.clone(), FdFlags::empty(), 0, 9).unwrap();
    let (kept, first, second) = (insert(&reader), insert(&writer), insert(&writer));
    let mut recent = RecentFiles::default();
    for fd in [kept, first, second] {
        recent.look_up(&table, fd).unwrap();
    }
    let loss = table.remove(first).unwrap();
    recent.closed(&table, first, loss);
    assert!(recent.get(kept).is_some() && recent.get(first).is_none());
    table.replace(kept, writer.clone(), FdFlags::empty(), 9).unwrap();
    let loss = table.remove(second).unwrap();
    recent.closed(&table, second, loss);
    assert!(recent.get(kept).is_none());
}

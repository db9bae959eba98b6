// The keys of one user on one machine, in files.

import Files
import Foundation
import Glibc
import Messaging
import Synchronization
import Training

/// A directory of keys: one's own, those that may join, and that of the server to join.
///
/// On machines that share it, as with a common home directory, one pair serves all: whoever can
/// read the secret is let in.
struct KeyDirectory: Sendable {
  let path: String

  /// Where keys are kept unless said.
  static var standardPath: String {
    let home = ProcessInfo.processInfo.environment["HOME"] ?? NSHomeDirectory()
    return home + "/.config/relate/keys"
  }

  /// The user's own directory, where keys are made when they are first needed.
  static func standard() throws -> KeyDirectory {
    let directory = KeyDirectory(path: standardPath)
    if !directory.holdsKeys { try directory.create() }
    return directory
  }

  var secretPath: String { path + "/secret" }
  var allowedPath: String { path + "/allowed" }
  var serverPath: String { path + "/server" }

  /// Whether a pair has been made.
  var holdsKeys: Bool { FileManager.default.fileExists(atPath: secretPath) }

  /// Makes a pair, or takes the one that is given, unless there is one.
  ///
  /// Throws if it cannot be written.
  func create(_ given: KeyPair? = nil) throws {
    do {
      try FileManager.default.createDirectory(
        atPath: path, withIntermediateDirectories: true,
        attributes: [.posixPermissions: 0o700])
    } catch {
      throw FileError("Cannot create the directory \(path): \(error.localizedDescription)")
    }
    let keys = try given ?? KeyPair()
    let draft = "\(secretPath).\(UUID().uuidString)"
    let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw FileError("create", draft) }
    defer { unlink(draft) }
    let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    try handle.write(contentsOf: Data((keys.secret + "\n").utf8))
    try handle.synchronize()
    // Never over another: every machine that allowed it would be locked out. Of several processes
    // that begin at once one is the first.
    if link(draft, secretPath) != 0, errno != EEXIST { throw FileError("create", secretPath) }
  }

  /// One's own pair.
  ///
  /// Throws, saying what to do, if there is none or others may read it.
  func ownKeys() throws -> KeyPair {
    var status = stat()
    guard stat(secretPath, &status) == 0 else {
      throw FileError(
        "There are no keys in \(path). Make some with: relate keys new\(option)")
    }
    guard status.st_mode & 0o077 == 0 else {
      throw FileError(
        "Others may read \(secretPath), which lets them in. Say: chmod 600 \(quoted(secretPath))")
    }
    guard let keys = try firstLine(of: secretPath).flatMap(KeyPair.init(secret:)) else {
      throw FileError("\(secretPath) holds no key. Make others in another directory with --keys.")
    }
    return keys
  }

  /// The key of the server to join: the one that was named, or one's own, where the directory is
  /// shared.
  func serverKey() throws -> PublicKey {
    guard FileManager.default.fileExists(atPath: serverPath) else { return try ownKeys().publicKey }
    guard let key = try firstLine(of: serverPath).flatMap({ PublicKey($0) }) else {
      throw FileError("\(serverPath) holds no key. Say: relate keys allow --server\(option) -- KEY")
    }
    return key
  }

  /// The keys that may join, with what they were called; one's own is always among them.
  func allowedKeys() throws -> [(key: PublicKey, name: String)] {
    let own = [(key: try ownKeys().publicKey, name: "own")]
    guard FileManager.default.fileExists(atPath: allowedPath) else { return own }
    let lines = try text(of: allowedPath).split(separator: "\n", omittingEmptySubsequences: false)
    return own
      + (try lines.enumerated().compactMap { index, line in
        let words = line.split(separator: " ", maxSplits: 1)
        guard let first = words.first, !first.hasPrefix("#") else { return nil }
        guard let key = PublicKey(String(first)) else {
          throw FileError("\(allowedPath), line \(index + 1): that is no key.")
        }
        return (key, words.count > 1 ? String(words[1]) : "")
      })
  }

  /// Lets a key join from now on, also at servers that are running.
  func allow(_ key: PublicKey, name: String) throws {
    guard try !allowedKeys().contains(where: { $0.key == key }) else { return }
    let before =
      FileManager.default.fileExists(atPath: allowedPath) ? try text(of: allowedPath) : ""
    let start = before.isEmpty || before.hasSuffix("\n") ? before : before + "\n"
    try AtomicFile.write(Data("\(start)\(key) \(name)\n".utf8), to: allowedPath)
  }

  /// Makes workers here join the server of a key.
  func setServer(_ key: PublicKey) throws {
    _ = try ownKeys()
    try AtomicFile.write(Data("\(key)\n".utf8), to: serverPath)
  }

  /// Whom a server with these keys lets in; the list is read again for each new connection.
  func admission(log: @escaping @Sendable (String) -> Void) throws -> Admission {
    _ = try allowedKeys()
    let said = Mutex<Set<PublicKey?>>([])
    return Admission(
      keys: try ownKeys(),
      admits: { key in (try? allowedKeys().contains { $0.key == key }) ?? false },
      refused: { key, address in
        // Once for each key: whoever is refused tries again and again.
        let isNew = said.withLock { $0.count < 100 && $0.insert(key).inserted }
        guard isNew else { return }
        guard let key else { return log("Refused a peer at \(address.printable): it has no key.") }
        log(
          "Refused a peer at \(address.printable), whose key is not allowed. If it is yours: "
            + "relate keys allow\(option) -- \(quoted(key.description))")
      })
  }

  private var option: String {
    path == Self.standardPath ? "" : " --keys \(quoted(path))"
  }

  private func text(of file: String) throws(FileError) -> String {
    do { return try String(contentsOfFile: file, encoding: .utf8) } catch {
      throw FileError("read", file, because: error)
    }
  }

  private func firstLine(of file: String) throws(FileError) -> String? {
    try text(of: file).split(separator: "\n").first.map {
      $0.trimmingCharacters(in: .whitespaces)
    }
  }
}

// The package that hosts are given, as scripts/package.sh makes it.

import DataFiles
import Files
import Foundation
import Training

/// A package in a file, and where it lies on hosts: in a directory that its digest names, so that
/// another release or another build lies beside it.
struct HostPackage: Sendable {
  let path: String
  /// The directory below the home directory that it is unpacked into.
  let directory: String

  /// The package that was named, or that this program belongs to, which is packed into `scratch`.
  ///
  /// Throws, saying what to do, if there is none.
  init(_ named: String?, scratch: String) throws {
    path = try named ?? Self.packed(into: scratch)
    let (_, hash) = try contentHash(of: path)
    directory = ".cache/relate/\(relateVersion)-\(String(hash, radix: 16))"
  }

  /// What a shell on a host runs, with the package on its standard input, to have it.
  var installation: String {
    // Another host may do the same in the same home directory: who is second finds it there.
    """
    sh -c 'd=$HOME/\(directory)
    [ -x "$d/bin/relate" ] && exit 0
    t=$d.$$
    trap "rm -rf \\"$t\\"" EXIT
    mkdir -p "$t" && tar -xzf - -C "$t" --strip-components=1 && [ -x "$t/bin/relate" ] || {
      echo "Cannot unpack the package into $d" >&2
      exit 1
    }
    echo "Copied the package to $d"
    mv -T "$t" "$d" 2>/dev/null || [ -x "$d/bin/relate" ]'
    """
  }

  /// What a shell on a host runs to have its workers.
  ///
  /// - Parameter installed: where Relate is installed there, in the place of a package.
  static func work(_ package: HostPackage?, installed: String?) -> String {
    if let installed { return "exec \(quoted(installed + "/bin/relate")) ordered-work" }
    return "exec \"$HOME/\(package?.directory ?? "")/bin/relate\" ordered-work"
  }

  private static func packed(into scratch: String) throws -> String {
    let root = try Child.ownFolder().split(separator: "/").dropLast().map(String.init)
    let path = "/" + root.joined(separator: "/")
    guard FileManager.default.fileExists(atPath: path + "/lib/libswiftCore.so"),
      let name = root.last
    else {
      throw TrainingError(
        """
        Hosts need a package, and this program belongs to none: make one with scripts/package.sh \
        and name it with --package FILE, or say relate=DIR for each host where Relate is installed.
        """)
    }
    let file = scratch + "/package.tar.gz"
    let tar = Process()
    tar.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    tar.arguments = [
      "tar", "-C", String(path.dropLast(name.count + 1)), "--sort=name", "--mtime=@0", "--owner=0",
      "--group=0", "--numeric-owner", "-czf", file, name,
    ]
    try tar.run()
    tar.waitUntilExit()
    guard tar.terminationStatus == 0 else { throw TrainingError("tar cannot pack \(path).") }
    return file
  }
}

// relate keys: who may join a server across machines.

import ArgumentParser
import Foundation
import Messaging
import Training

/// `relate keys`.
struct KeysCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "keys",
    abstract: "Make keys, and say whose may join a server.",
    discussion: """
      Everything between a server and workers that were started by hand is encrypted, and a server \
      lets in only workers whose keys it knows. Machines that share a home directory share their \
      keys, and nothing need be done. Otherwise each has its own, the server's machine allows the \
      workers', and a worker's machine names the server's.

      On the server's machine:  relate keys show; relate keys allow -- WORKERS_KEY node1
      On the worker's machine:  relate keys show; relate keys allow --server -- SERVERS_KEY
      """,
    subcommands: [NewKeys.self, ShowKeys.self, AllowKey.self])

  /// The directory that all three are about.
  struct Place: ParsableArguments {
    @Option(
      help: ArgumentHelp(
        "The directory of keys; ~/.config/relate/keys unless said.", valueName: "dir"))
    var keys: String?

    func directory() throws -> KeyDirectory { try keys.map(KeyDirectory.init) ?? .standard() }
  }

  /// `relate keys new`.
  struct NewKeys: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "new", abstract: "Make a pair of keys and print the public one.")

    @OptionGroup var place: Place

    func run() throws {
      try reportingErrors {
        let directory = KeyDirectory(path: place.keys ?? KeyDirectory.standardPath)
        guard !directory.holdsKeys else {
          throw TrainingError(
            "There are keys in \(directory.path) already; relate keys show prints the public one.")
        }
        try directory.create()
        print(try directory.ownKeys().publicKey)
        return 0
      }
    }
  }

  /// `relate keys show`.
  struct ShowKeys: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "show", abstract: "Print one's own public key, and those that may join.")

    @OptionGroup var place: Place

    func run() throws {
      try reportingErrors {
        let directory = try place.directory()
        let allowed = try directory.allowedKeys()
        print("own      \(try directory.ownKeys().publicKey)")
        print("server   \(try directory.serverKey())")
        for (key, name) in allowed.dropFirst() {
          print("allowed  \(key)  \(name.printable)")
        }
        return 0
      }
    }
  }

  /// `relate keys allow`.
  struct AllowKey: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "allow",
      abstract: "Let a key join servers here, or make it the server that workers here join.",
      discussion: """
        A key may hold characters that mean something to a shell: put it in single quotes, and \
        after two dashes, for it may begin with one.
        """)

    @Argument(help: ArgumentHelp("The public key, 40 characters.", valueName: "key"))
    var key: String

    @Argument(help: ArgumentHelp("What to call it.", valueName: "name")) var name = ""

    @Flag(help: "It is the key of the server that workers here are to join.")
    var server = false

    @OptionGroup var place: Place

    func run() throws {
      try reportingErrors {
        guard let key = PublicKey(key) else {
          throw ValidationError(
            "That is no key: a key has 40 characters, as relate keys show prints it.")
        }
        guard name.utf8.allSatisfy({ $0 >= 32 }) else {
          throw ValidationError("A name is one line.")
        }
        let directory = try place.directory()
        if server { try directory.setServer(key) } else { try directory.allow(key, name: name) }
        return 0
      }
    }
  }
}

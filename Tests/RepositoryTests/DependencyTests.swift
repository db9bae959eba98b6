// The order of the libraries: which may import which, whatever the compiler would let pass.

import Foundation
import Testing

@Suite struct DependencyTests {
  private let tree = SourceTree()

  /// The targets from the bottom up, each with the targets of ours that it may import.
  private static let allowed: [String: Set<String>] = {
    let mathematics: Set = ["Tensors", "Autodiff", "NeuralNetworks"]
    return [
      "Files": [],
      "Pictures": ["Files", "CPNG"],
      "DataFiles": ["Files", "CZip", "CXXHash"],
      "Tensors": ["COpenBLAS", "COneDNN", "CKernels"],
      "Autodiff": ["Tensors"],
      "NeuralNetworks": ["Autodiff", "Tensors", "Files"],
      "Learning": mathematics.union(["Files", "DataFiles", "CXXHash"]),
      "RelationNetworks": mathematics.union([
        "Learning", "Files", "DataFiles", "Pictures", "CChipmunk",
      ]),
      "Messaging": ["CZeroMQ"],
      "Training": mathematics.union(["Learning", "Messaging", "Files", "CXXHash"]),
      "Launching": mathematics.union([
        "Learning", "RelationNetworks", "Training", "Messaging", "Files", "DataFiles",
      ]),
      "relate": ["Launching"],
      "ParameterServer": ["Launching"],
      "Worker": ["Launching"],
    ]
  }()

  private struct Import {
    let target: String
    let module: String
    let place: String
  }

  private func imports() -> [Import] {
    tree.sources().filter { $0.fileExtension == "swift" }.flatMap { file in
      file.lines.enumerated().compactMap { index, line in
        importedModule(line).map {
          Import(
            target: String(file.path.split(separator: "/")[1]), module: $0,
            place: "\(file.path):\(index + 1)")
        }
      }
    }
  }

  private func importedModule(_ line: Substring) -> String? {
    let kinds = "(?:struct|class|enum|protocol|typealias|func|let|var)"
    let pattern = "^\\s*(?:@\\w+\\s+)*(?:\\w+\\s+)?import\\s+(?:\(kinds)\\s+)?(\\w+)"
    guard let match = try? Regex(pattern).firstMatch(in: line) else { return nil }
    return match[1].substring.map(String.init)
  }

  @Test(arguments: [
    ("import Tensors", "Tensors"), ("@testable import Tensors", "Tensors"),
    ("  internal import CZeroMQ", "CZeroMQ"), ("import struct Foundation.Data", "Foundation"),
    ("// import Tensors", nil), ("let important = 1", nil),
  ])
  func importsAreRecognised(line: String, module: String?) {
    #expect(importedModule(Substring(line)) == module)
  }

  @Test func librariesImportOnlyWhatLiesBelowThem() {
    let ours = tree.targets()
    #expect(!ours.isEmpty)
    let offences = imports().filter {
      ours.contains($0.module) && Self.allowed[$0.target]?.contains($0.module) != true
    }
    #expect(offences.map { "\($0.place): \($0.target) imports \($0.module)" } == [])
  }

  @Test func everyTargetHasItsPlaceInTheOrder() {
    let withSwift = Set(
      tree.sources().filter { $0.fileExtension == "swift" }.map {
        String($0.path.split(separator: "/")[1])
      })
    #expect(withSwift.subtracting(Self.allowed.keys) == [])
  }

  @Test func importsAreDeclaredInTheManifest() throws {
    let manifest = try #require(tree.file(at: "Package.swift")).text
    let ours = tree.targets()
    var undeclared: [String] = []
    for use in imports() where ours.contains(use.module) {
      let dependencies = try dependencies(of: use.target, in: manifest)
      if !dependencies.contains(use.module) {
        undeclared.append("\(use.place): \(use.target) imports \(use.module)")
      }
    }
    #expect(undeclared == [])
  }

  /// The names in quotation marks between a target's name and the end of its dependencies.
  private func dependencies(of target: String, in manifest: String) throws -> Set<String> {
    let declaration = try Regex(
      "(?:library\\(|arget\\(\\s*name:)\\s*\"\(target)\",\\s*(?:dependencies:\\s*)?\\[([^\\]]*)\\]")
    guard let list = manifest.firstMatch(of: declaration)?[1].substring else { return [] }
    return Set(list.matches(of: /"(\w+)"/).map { String($0.1) })
  }
}

extension SourceTree {
  /// The targets of `Sources`, those of C among them.
  fileprivate func targets() -> Set<String> {
    Set(files(under: "Sources").map { String($0.path.split(separator: "/")[1]) })
  }
}

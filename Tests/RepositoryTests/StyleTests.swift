// The rules of style that the formatter does not know.

import Foundation
import Testing

@Suite struct StyleTests {
  private let tree = SourceTree()

  @Test func thereAreSources() {
    #expect(tree.sources().contains { $0.path == "Sources/Messaging/Socket.swift" })
  }

  @Test func filesCanBeReadInOneSitting() {
    let tooLong = tree.sources().filter { $0.lines.count > 400 }
    #expect(tooLong.map { "\($0.path) has \($0.lines.count) lines of at most 400" } == [])
  }

  @Test func linesFitThePage() {
    #expect(tree.sources().flatMap { $0.offences { $0.count > 100 } } == [])
  }

  /// Swift 6.3's optimiser may copy such a tuple and never release it: a leak at every step.
  @Test func noTupleIsKeptAlive() {
    let call = "withExtendedLifetime" + "(("
    #expect(tree.sources().flatMap { $0.offences { $0.contains(call) } } == [])
  }

  @Test func everyFileSaysFirstWhatItIs() {
    let silent = tree.sources().filter { file in
      guard file.fileExtension == "swift" else { return false }
      let first = file.lines.first { !$0.hasPrefix("#!") }
      return first.map { !$0.hasPrefix("// ") || $0.hasPrefix("// swift-") } ?? true
    }
    #expect(silent.map(\.path) == [])
  }

  @Test func nothingIsLeftForLater() {
    // Put together here, so that this file does not find itself.
    let marks = ["TO" + "DO", "FIX" + "ME", "XX" + "X"]
    let code = ["Sources", "Tests", "examples", "scripts"].flatMap(tree.files(under:))
    let offences = code.flatMap {
      $0.offences { line in
        line.split { !$0.isLetter && !$0.isNumber && $0 != "_" }.contains { word in
          marks.contains { $0 == word }
        }
      }
    }
    #expect(offences == [])
  }

  @Test func nothingNamesTheMachineItWasWrittenOn() throws {
    let registry = try Regex("deb[.]deb[i]an[.]org|pyp[i][.]org")
    let workplace = try Regex("(?:^|[^A-Za-z0-9_.~-])/wo" + "rk/")
    let offences = try tree.everything().flatMap {
      $0.offences { line in
        line.contains(registry) || line.contains(workplace)
      }
    }
    #expect(offences == [])
  }
}

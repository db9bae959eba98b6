// The loops of CKernels compiled for each instruction set, of which a machine only ever picks one.

import Foundation
import Testing

@Suite struct InstructionSetTests {
  private static let loops = [
    "convolution", "elementwise", "lanes", "layers", "reductions", "relation", "update",
  ]
  /// What the loader chooses from, with the flag of /proc/cpuinfo that each needs.
  private static let sets = [
    (flags: ["-mno-avx"], needs: "sse2"), (flags: ["-mavx2"], needs: "avx2"),
    (flags: ["-mavx2", "-mfma"], needs: "fma"), (flags: ["-mavx512f"], needs: "avx512f"),
  ]

  @Test func allGiveTheSameBits() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let processor = try String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)
      .split(whereSeparator: \.isWhitespace)
    let able = Self.sets.filter { processor.contains(Substring($0.needs)) }
    let root = SourceTree().root
    let sources =
      Self.loops.map { root.appendingPathComponent("Sources/CKernels/\($0).c").path }
      + [root.appendingPathComponent("Tests/InstructionSets/loops.c").path]
    let include = root.appendingPathComponent("Sources/CKernels/include").path
    let outputs = try able.enumerated().map { number, set in
      let program = folder.appendingPathComponent("loops\(number)").path
      let options = ["-O2", "-DCLONES=", "-DCLONES_WITH_FMA=", "-I", include] + set.flags
      _ = try output(of: ["clang"] + options + sources + ["-lm", "-o", program])
      return try output(of: [program])
    }
    #expect(outputs[0].split(separator: "\n").count == 11)
    for (set, output) in zip(able, outputs) { #expect(output == outputs[0], "\(set.flags)") }
  }

  private func output(of command: [String]) throws -> String {
    let process = Process()
    let pipe = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = command
    process.standardOutput = pipe
    try process.run()
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0, "\(command.joined(separator: " "))")
    return String(decoding: data, as: UTF8.self)
  }
}

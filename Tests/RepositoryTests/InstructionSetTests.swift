// The loops of CKernels compiled for each instruction set, of which a machine only ever picks one.

import Foundation
import Testing

@Suite struct InstructionSetTests {
  private static let loops = [
    "convolution", "elementwise", "lanes", "layers", "reductions", "relation", "sorting",
    "update",
  ]
  /// What the loader chooses from, with the flag of /proc/cpuinfo that each needs.
  private static let sets = [
    (flags: ["-mno-avx"], needs: "sse2"), (flags: ["-mavx2"], needs: "avx2"),
    (flags: ["-mavx2", "-mfma"], needs: "fma"), (flags: ["-mavx512f"], needs: "avx512f"),
  ]

  @Test func allGiveTheSameBits() throws {
    let folder = try temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let processor = try Self.processor()
    let able = Self.sets.filter { processor.contains($0.needs) }
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
    #expect(outputs[0].split(separator: "\n").count == 13)
    for (set, output) in zip(able, outputs) { #expect(output == outputs[0], "\(set.flags)") }
  }

  /// The vectors that the kernels of panels are compiled for besides AVX2: plain loops anywhere, and
  /// AVX-512 where the processor has it.
  private static let vectors: [(flags: [String], needs: String)] = [
    (flags: ["-DPANEL_VECTORS=\"portable_vectors.h\""], needs: "fma"),
    (flags: [], needs: "avx512bw"),
  ]

  /// Whether zeros are left out where it pays, everywhere, or never, and whatever the vectors are.
  @Test func panelsLeaveOutZerosWithoutChangingABit() throws {
    let folder = try temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let processor = try Self.processor()
    let root = SourceTree().root
    let sources = [
      "Sources/CKernels/panels.c", "Sources/CKernels/panels_avx2.c",
      "Tests/InstructionSets/panels.c",
    ].map { root.appendingPathComponent($0).path }
    let includes = ["Sources/CKernels", "Sources/CKernels/include", "Tests/InstructionSets"]
      .flatMap { ["-I", root.appendingPathComponent($0).path] }
    var float32: [String] = []
    for (number, vectors) in Self.vectors.enumerated() where processor.contains(vectors.needs) {
      var bfloat16: [String] = []
      for mostAlive in [[], ["-DMOST_SIXTEENTHS_ALIVE=16"], ["-DMOST_SIXTEENTHS_ALIVE=-1"]] {
        let program = folder.appendingPathComponent("panels\(number)").path
        let options = ["-O2", "-mavx2", "-mfma"] + mostAlive + vectors.flags + includes
        _ = try output(of: ["clang"] + options + sources + ["-lm", "-o", program])
        let lines = try output(of: [program]).split(separator: "\n").map(String.init)
        float32 += lines.filter { $0.hasPrefix("float32 ") }
        bfloat16 += lines.filter { $0.hasPrefix("bfloat16 ") }
        #expect(lines.allSatisfy { $0.contains("float") }, "\(lines)")
      }
      #expect(Set(bfloat16).count <= 1, "\(bfloat16)")
    }
    #expect(Set(float32).count <= 1, "\(float32)")
    #expect(float32.isEmpty != processor.contains("fma"))
  }

  private func temporaryFolder() throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    return folder
  }

  /// The flags of `/proc/cpuinfo`.
  private static func processor() throws -> Set<String> {
    Set(
      try String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8).split(
        whereSeparator: \.isWhitespace
      ).map(String.init))
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

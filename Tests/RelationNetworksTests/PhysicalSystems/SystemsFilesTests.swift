// Systems of balls as files: what is written is read again, and what cannot be is said.

import DataFiles
import Files
import Foundation
import Learning
import Testing

@testable import RelationNetworks

@Suite struct SystemsFilesTests {
  private typealias Systems = PhysicalSystems

  private let samples = (0..<4).map {
    PhysicalSystems.GeneratedScenes(seed: 1).sample($0, in: .test)
  }

  private func settings() -> PhysicalSystems.Settings {
    var settings = PhysicalSystems.Settings(pairWidths: [8], readoutWidths: [8])
    settings.scenes = .init(training: 5, validation: 3, test: 4)
    return settings
  }

  @Test func generatedScenesAreReadBack() throws {
    try withDirectory { directory in
      let place = DataPlace(path: directory.path)
      let contents = try PhysicalSystemsFamily.export(
        settings(), to: place, splits: Split.allCases, scale: 1, progress: { _, _ in })
      #expect(contents.counts == ["training": 5, "validation": 3, "test": 4])
      let identity = try PhysicalSystemsFamily.describe(contents, at: place)
      let packedPlace = DataPlace(path: directory.appendingPathComponent("packed").path)
      try DataDirectory(packedPlace.path).begin()
      let packedContents = try PhysicalSystemsFamily.pack(
        place, into: packedPlace, progress: { _, _ in })
      let packedIdentity = try PhysicalSystemsFamily.describe(packedContents, at: packedPlace)
      let generated = try PhysicalSystemsFamily.open(settings(), data: nil, at: nil)
      let read = try PhysicalSystemsFamily.open(settings(), data: identity, at: place)
      let packed = try PhysicalSystemsFamily.open(
        settings(), data: packedIdentity, at: packedPlace)
      for split in Split.allCases {
        for index in 0..<settings().scenes[split] {
          let sample = try generated.source.sample(index, in: split)
          #expect(try read.source.sample(index, in: split) == sample)
          #expect(try packed.source.sample(index, in: split) == sample)
        }
      }
      // What is known of the data stands in its description.
      for task in [read, packed] {
        #expect(task.facts.sampleCount(of: .training) == 5)
        let share = task.facts.baselines.first?.value(of: "scenes", on: .test)
        #expect(share == generated.facts.baselines.first?.value(of: "scenes", on: .test))
      }
      var findings: [String] = []
      for place in [place, packedPlace] {
        try PhysicalSystemsFamily.check(
          place, finding: { findings.append($0) }, progress: { _, _ in })
      }
      #expect(findings == [])
    }
  }

  @Test func theSameScenesGiveTheSameBytes() throws {
    try withDirectory { directory in
      try makeDirectory(directory.path)
      let paths = ["a.npz", "b.npz"].map { directory.appendingPathComponent($0).path }
      for path in paths { try Systems.SystemsArchive.write(samples, to: path) }
      #expect(try readFile(paths[0], limit: 1 << 20) == readFile(paths[1], limit: 1 << 20))
    }
  }

  @Test func nothingIsWrittenBesideOtherFiles() throws {
    try withDirectory { directory in
      try makeDirectory(directory.path)
      try Data().write(to: directory.appendingPathComponent("thesis.tex"))
      #expect(throws: FileError.self) {
        try PhysicalSystemsFamily.export(
          settings(), to: DataPlace(path: directory.path), splits: [.test], scale: 1,
          progress: { _, _ in })
      }
    }
  }

  /// Arrays of one scene, and what is done to them.
  private struct Arrays {
    var positions: [Float]
    var colors = (0..<10).map { UInt8($0) }
    var connected = [UInt8](repeating: 0, count: 100)
    var kind: [UInt8]? = [UInt8](repeating: 0, count: 100)
    var systems: [UInt8]? = [10]
    var frames = 16

    init() { positions = [Float](repeating: 0, count: 320) }

    func write(to path: String) throws {
      var archive = NumpyArchive()
      archive.add("positions", positions, shape: [1, frames, 10, 2])
      archive.add("colour", colors, shape: [1, 10])
      archive.add("connected", connected, shape: [1, 10, 10])
      if let kind { archive.add("kind", kind, shape: [1, 10, 10]) }
      if let systems { archive.add("systems", systems, shape: [1]) }
      try archive.write(to: path)
    }
  }

  private func problem(_ edit: (inout Arrays) -> Void) throws -> String {
    var text = ""
    try withDirectory { directory in
      try makeDirectory(directory.path)
      let path = directory.appendingPathComponent("test.npz").path
      var arrays = Arrays()
      edit(&arrays)
      try arrays.write(to: path)
      do { _ = try Systems.SystemsArchive(contentsOf: path) } catch { text = "\(error)" }
    }
    return text
  }

  @Test func everyWrongSceneIsASentence() throws {
    #expect(try problem { _ in } == "")
    #expect(try problem { ($0.kind, $0.systems) = (nil, nil) } == "")
    #expect(try problem { $0.positions[7] = .nan }.contains("scene 0: a ball is at nan"))
    #expect(try problem { $0.positions[7] = 1e30 }.contains("a ball is at 1e+30"))
    #expect(try problem { $0.colors[0] = 1 }.contains("its colours are"))
    #expect(try problem { $0.connected[1] = 2 }.contains("connected holds 2"))
    #expect(
      try problem { ($0.connected[1], $0.kind) = (1, nil) }.contains("not symmetric"))
    #expect(
      try problem { ($0.connected[11], $0.kind) = (1, nil) }.contains("not symmetric, or one"))
    #expect(try problem { $0.connected[1] = 1 }.contains("connected 1, but of kind 0"))
    #expect(try problem { $0.kind?[1] = 9 }.contains("kind holds 9"))
    #expect(try problem { $0.systems = [9] }.contains("says 9 systems, but its links make 10"))
    #expect(
      try problem { ($0.frames, $0.positions) = (15, [Float](repeating: 0, count: 300)) }
        .contains("positions.npy: its shape is [1, 15, 10, 2]"))
  }

  @Test func damagedFilesAreRefused() throws {
    try withDirectory { directory in
      try makeDirectory(directory.path)
      let place = DataPlace(path: directory.path)
      #expect(throws: SampleFileError.self) { try PhysicalSystemsFamily.contents(of: place) }
      let path = directory.appendingPathComponent("test.npz").path
      try Systems.SystemsArchive.write(samples, to: path)
      let whole = try readFile(path, limit: 1 << 20)
      for count in [0, 1, 100, whole.count / 2, whole.count - 1] {
        try AtomicFile.write(whole.prefix(count), to: path)
        #expect(throws: FileError.self) { try PhysicalSystemsFamily.contents(of: place) }
      }
      // A flipped bit in the numbers is seen by the checksum.
      var damaged = whole
      damaged[500] ^= 1
      try AtomicFile.write(damaged, to: path)
      #expect(throws: FileError.self) { try PhysicalSystemsFamily.contents(of: place) }
      var archive = NumpyArchive()
      archive.add("positions", [Double](repeating: 0, count: 320), shape: [1, 16, 10, 2])
      try archive.write(to: path)
      let problem = #expect(throws: FileError.self) {
        try PhysicalSystemsFamily.contents(of: place)
      }
      #expect(problem?.description.contains("of type F64, not F32") == true)
    }
  }
}

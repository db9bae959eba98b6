// Dynamic physical systems as files of numpy: generated ones, or people's own in the same form.

import DataFiles
import Files
import Foundation
import Learning

extension PhysicalSystems {
  /// The scenes of a .npz file.
  ///
  ///     positions  float32 [scenes, 16, 10, 2]  x and y of the balls, half the table being 1
  ///     colour     uint8   [scenes, 10]         a colour from 0 to 9 for each, no two alike
  ///     connected  uint8   [scenes, 10, 10]     1 where two balls are joined
  ///     kind       uint8   [scenes, 10, 10]     0 nothing, 1 a spring, 2 a rod; may be absent
  ///     systems    uint8   [scenes]             connected components; may be absent
  ///
  /// All are read into memory, and every scene is held against what a scene can be.
  struct SystemsArchive: Sendable {
    /// The path of the file.
    let path: String
    /// The scenes that are sound, in their order.
    private(set) var samples: [Sample] = []

    /// The scenes of a file.
    ///
    /// Throws a sentence that names the first thing that is wrong.
    init(contentsOf path: String) throws {
      try self.init(contentsOf: path, orElse: { throw $0 })
    }

    /// The sound scenes of a file; `orElse` is told what is wrong with the others.
    init(contentsOf path: String, orElse: (SampleFileError) throws -> Void) throws {
      self.path = path
      let arrays = try Arrays(try ZipArchive(path))
      for scene in 0..<arrays.count {
        do throws(SceneProblem) { samples.append(try arrays.sample(scene)) } catch {
          try orElse(SampleFileError("\(path), scene \(scene)", error.description))
        }
      }
    }

    /// Writes scenes in the same form.
    static func write(_ samples: [Sample], to path: String) throws(FileError) {
      let kinds = samples.map { $0.links.kinds.map(\.rawValue) }
      let count = samples.count
      var archive = NumpyArchive()
      archive.add(
        "positions", samples.flatMap(\.positions), shape: [count, frameCount, ballCount, 2])
      archive.add(
        "colour", samples.flatMap { $0.colors.map { UInt8($0) } }, shape: [count, ballCount])
      archive.add(
        "connected", kinds.flatMap { $0.map { $0 == 0 ? 0 : 1 as UInt8 } },
        shape: [count, ballCount, ballCount])
      archive.add("kind", kinds.flatMap(\.self), shape: [count, ballCount, ballCount])
      archive.add("systems", samples.map { UInt8($0.links.systemCount) }, shape: [count])
      try archive.write(to: path)
    }
  }
}

/// What is wrong with a scene.
private struct SceneProblem: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// The arrays of a file, of the right types and extents.
private struct Arrays {
  private typealias Systems = PhysicalSystems
  private static let pairCount = PhysicalSystems.ballCount * PhysicalSystems.ballCount
  private static let coordinateCount = PhysicalSystems.frameCount * PhysicalSystems.ballCount * 2

  let count: Int
  private let positions: [Float]
  private let colors: [UInt8]
  private let connected: [UInt8]
  private let kinds: [UInt8]?
  private let systems: [UInt8]?

  init(_ archive: ZipArchive) throws(FileError) {
    let (frames, balls) = (Systems.frameCount, Systems.ballCount)
    let places = try archive.array("positions")
    guard let scenes = places.shape.first else {
      throw FileError(
        in: places.file, "it is a single number, not [scenes, \(frames), \(balls), 2]")
    }
    count = scenes
    func scalars<Scalar: PackedScalar>(
      _ array: NumpyArray, _ extents: [Int], of type: Scalar.Type
    ) throws(FileError) -> [Scalar] {
      guard array.shape == [scenes] + extents else {
        throw FileError(
          in: array.file, "its shape is \(array.shape), but must be \([scenes] + extents)")
      }
      return try array.scalars(of: type)
    }
    positions = try scalars(places, [frames, balls, 2], of: Float.self)
    colors = try scalars(try archive.array("colour"), [balls], of: UInt8.self)
    connected = try scalars(try archive.array("connected"), [balls, balls], of: UInt8.self)
    let names = archive.arrayNames
    kinds =
      names.contains("kind")
      ? try scalars(try archive.array("kind"), [balls, balls], of: UInt8.self) : nil
    systems =
      names.contains("systems")
      ? try scalars(try archive.array("systems"), [], of: UInt8.self) : nil
  }

  func sample(_ scene: Int) throws(SceneProblem) -> PhysicalSystems.Sample {
    let balls = Systems.ballCount
    func part<Scalar>(_ array: [Scalar], _ count: Int) -> [Scalar] {
      Array(array[scene * count..<(scene + 1) * count])
    }
    let places = part(positions, Self.coordinateCount)
    if let wrong = places.first(where: { !(abs($0) <= PhysicalSystems.greatestCoordinate) }) {
      throw SceneProblem("a ball is at \(wrong), which is nowhere near a table from -1 to 1")
    }
    let colors = part(colors, balls).map { Int($0) }
    guard colors.sorted() == Array(0..<balls) else {
      throw SceneProblem("its colours are \(colors), not 0 to \(balls - 1) in some order")
    }
    let joined = part(connected, Self.pairCount)
    if let wrong = joined.first(where: { $0 > 1 }) {
      throw SceneProblem("connected holds \(wrong), which is neither 0 nor 1")
    }
    // Without kinds nobody knows by what balls are joined; what keeps a skeleton is rods.
    let numbers = kinds.map { part($0, Self.pairCount) } ?? joined.map { 2 * $0 }
    let kinds = numbers.compactMap { PhysicalSystems.LinkKind(rawValue: $0) }
    guard kinds.count == numbers.count else {
      throw SceneProblem("kind holds \(numbers.max() ?? 0); there are 0, 1 and 2 alone")
    }
    if let pair = joined.indices.first(where: { (joined[$0] == 1) != (kinds[$0] != .none) }) {
      throw SceneProblem(
        "balls \(pair / balls) and \(pair % balls) are connected \(joined[pair]), "
          + "but of kind \(numbers[pair])")
    }
    guard let links = PhysicalSystems.Links(kinds: kinds) else {
      throw SceneProblem("its links are not symmetric, or one joins a ball to itself")
    }
    if let systems, Int(systems[scene]) != links.systemCount {
      throw SceneProblem(
        "it says \(systems[scene]) systems, but its links make \(links.systemCount)")
    }
    return PhysicalSystems.Sample(positions: places, colors: colors, links: links)
  }
}

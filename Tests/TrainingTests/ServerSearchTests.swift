// When a worker connects anew, and where: a value, a second at a time.

import Foundation
import Messaging
import Testing

@testable import Training

@Suite struct ServerSearchTests {
  private let first: Endpoint
  private let second: Endpoint

  init() throws { (first, second) = (try Endpoint("a:1"), try Endpoint("b:2")) }

  /// Asks once a second; what was connected to, and when.
  private func connections(
    of search: inout ServerSearch, seconds: ClosedRange<Int>, isLooking: Bool = true,
    _ addresses: [Endpoint]
  ) -> [Int: Endpoint] {
    var made: [Int: Endpoint] = [:]
    for second in seconds {
      made[second] = search.next(isLooking: isLooking, now: Double(second)) { addresses }
    }
    return made
  }

  @Test func addressesAreTriedInTurn() {
    var search = ServerSearch(patience: 5)
    let made = connections(of: &search, seconds: 0...16, [first, second])
    #expect(made == [0: first, 5: second, 10: first, 15: second])
  }

  @Test func theOnlyAddressIsTriedOverNewConnections() {
    var search = ServerSearch(patience: 5)
    #expect(connections(of: &search, seconds: 0...11, [first]) == [0: first, 5: first, 10: first])
  }

  @Test func aConnectionThatWorkedIsGivenTheSamePatience() {
    var search = ServerSearch(patience: 5)
    #expect(connections(of: &search, seconds: 0...0, [first]) == [0: first])
    #expect(connections(of: &search, seconds: 1...100, isLooking: false, [first]) == [:])
    #expect(connections(of: &search, seconds: 101...107, [first]) == [105: first])
  }

  @Test func anAddressThatIsGivenUpIsLeftAtOnce() {
    var search = ServerSearch(patience: 5)
    #expect(connections(of: &search, seconds: 0...2, []) == [:])
    #expect(connections(of: &search, seconds: 3...4, [first]) == [3: first])
    #expect(connections(of: &search, seconds: 5...50, isLooking: false, [second]) == [:])
    #expect(connections(of: &search, seconds: 51...52, [second]) == [51: second])
    #expect(connections(of: &search, seconds: 53...54, []) == [:], "the file is being replaced")
  }

  @Test func aFileHoldsAddresses() throws {
    let path = NSTemporaryDirectory() + "/relate-address-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: path) }
    let place = ServerPlace.file(path)
    #expect(try place.addresses() == [])
    try "a:1\nb:2\n".write(toFile: path, atomically: true, encoding: .utf8)
    #expect(try place.addresses() == [first, second])
    try "nonsense\n".write(toFile: path, atomically: true, encoding: .utf8)
    let error = #expect(throws: (any Error).self) { try place.addresses() }
    #expect("\(error!)".hasPrefix("\(path): ") && "\(error!)".contains("port is missing"))
  }
}

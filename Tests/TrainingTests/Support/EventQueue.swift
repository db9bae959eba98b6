// Events of a simulation in the order of their times.

/// A binary heap; events of the same time leave in the order they came.
struct EventQueue<Event> {
  private struct Entry {
    let time: Double
    let number: Int
    let event: Event

    func isBefore(_ other: Entry) -> Bool {
      time != other.time ? time < other.time : number < other.number
    }
  }

  private var entries: [Entry] = []
  private var nextNumber = 0

  mutating func insert(_ event: Event, at time: Double) {
    entries.append(Entry(time: time, number: nextNumber, event: event))
    nextNumber += 1
    var child = entries.count - 1
    while child > 0, entries[child].isBefore(entries[(child - 1) / 2]) {
      entries.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  mutating func removeFirst() -> (time: Double, event: Event)? {
    guard let first = entries.first, let last = entries.popLast() else { return nil }
    if entries.isEmpty { return (first.time, first.event) }
    entries[0] = last
    var parent = 0
    while true {
      let children = [2 * parent + 1, 2 * parent + 2].filter { $0 < entries.count }
      guard let least = children.min(by: { entries[$0].isBefore(entries[$1]) }),
        entries[least].isBefore(entries[parent])
      else { return (first.time, first.event) }
      entries.swapAt(parent, least)
      parent = least
    }
  }
}

// Schedules at literal steps, and as JSON.

import Foundation
import NeuralNetworks
import Testing

private let schedules: [(LearningRateSchedule, String)] = [
  (.constant(rate: 1e-4), #"{"constant":{"rate":0.0001}}"#),
  (.warmUp(rate: 0.5, warmUpSteps: 10), #"{"warmUp":{"rate":0.5,"warmUpSteps":10}}"#),
  (
    .doubling(start: 5e-6, interval: 20, maximum: 5e-4),
    #"{"doubling":{"interval":20,"maximum":0.0005,"start":5e-06}}"#
  ),
  (
    .cosine(rate: 0.5, warmUpSteps: 10, totalSteps: 110, finalFraction: 0.1),
    #"{"cosine":{"finalFraction":0.1,"rate":0.5,"totalSteps":110,"warmUpSteps":10}}"#
  ),
  (
    .cosineRestarts(rate: 0.5, warmUpSteps: 10, cycles: [110, 50, 20], finalFraction: 0.1),
    #"{"cosineRestarts":{"cycles":[110,50,20],"finalFraction":0.1,"rate":0.5,"warmUpSteps":10}}"#
  ),
]

@Suite struct LearningRateScheduleTests {
  @Test(arguments: [
    (0, 1, 1e-4), (0, 1_000_000, 1e-4),
    (1, 1, 0.05), (1, 9, 0.45), (1, 10, 0.5), (1, 11, 0.5), (1, 5000, 0.5),
    (2, 1, 5e-6), (2, 20, 5e-6), (2, 21, 1e-5), (2, 40, 1e-5), (2, 41, 2e-5), (2, 121, 3.2e-4),
    (2, 141, 5e-4), (2, 9_000_000, 5e-4),
    (3, 1, 0.05), (3, 10, 0.5), (3, 35, 0.434_099_026), (3, 60, 0.275), (3, 85, 0.115_900_974),
    (3, 110, 0.05), (3, 5000, 0.05),
    (4, 1, 0.05), (4, 10, 0.5), (4, 60, 0.275), (4, 110, 0.05), (4, 135, 0.275), (4, 160, 0.05),
    (4, 170, 0.275), (4, 180, 0.05), (4, 5000, 0.05),
  ])
  func rates(schedule: Int, step: Int, rate: Double) {
    let computed = Double(schedules[schedule].0.rate(atStep: step))
    #expect(abs(computed / rate - 1) < 1e-7, "\(schedules[schedule].0) at \(step)")
  }

  @Test(arguments: schedules) func jsonIsStable(schedule: LearningRateSchedule, json: String) throws
  {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    #expect(String(decoding: try encoder.encode(schedule), as: UTF8.self) == json)
    #expect(try JSONDecoder().decode(LearningRateSchedule.self, from: Data(json.utf8)) == schedule)
    #expect(schedule.problem == nil)
  }

  @Test(arguments: [
    (LearningRateSchedule.constant(rate: 0), "must be positive"),
    (.constant(rate: .nan), "must be positive"),
    (.constant(rate: 1e39), "below 3e38"),
    (.warmUp(rate: 1, warmUpSteps: -1), "-1 steps"),
    (.doubling(start: 1, interval: 0, maximum: 2), "interval"),
    (.doubling(start: 1, interval: 5, maximum: 0.5), "above its maximum"),
    (.cosine(rate: 1, warmUpSteps: 5, totalSteps: 5, finalFraction: 0), "warms up"),
    (.cosine(rate: 1, warmUpSteps: 5, totalSteps: 9, finalFraction: 2), "final fraction"),
    (.cosineRestarts(rate: 1, warmUpSteps: 5, cycles: [], finalFraction: 0), "cycles []"),
    (.cosineRestarts(rate: 1, warmUpSteps: 0, cycles: [.min, 5], finalFraction: 0), "cycles"),
    (.cosineRestarts(rate: 1, warmUpSteps: 0, cycles: [5, .max, 0], finalFraction: 0), "cycles"),
    (.cosineRestarts(rate: 1, warmUpSteps: 5, cycles: [5, 9], finalFraction: 0), "warms up"),
  ])
  func unusableSchedulesAreNamedAndDoNotTrap(schedule: LearningRateSchedule, sentence: String) {
    #expect(schedule.problem?.contains(sentence) == true, "\(schedule.problem ?? "nil")")
    for step in [1, 5, 6, 1000] { _ = schedule.rate(atStep: step) }
  }
}

// What the processes of a run spent their time with, as a table for people.

import Training

extension RunActivity {
  /// A line for each worker and one for the server, in shares of their time.
  var table: String {
    let names = workers.map { "worker \($0.number) (host \($0.host), process \($0.process))" }
    var rows = [["", "replicas", "computing", "sending", "waiting", "data", "lost"]]
    for (name, worker) in zip(names, workers) {
      let shares = [worker.computing, worker.sending, worker.waiting, worker.dataWait]
      // A run may be over before a worker has said anything of itself.
      let cells = shares.map { worker.seconds > 0 ? percent($0) : "–" }
      rows.append([name, "\(worker.replicas)"] + cells + ["\(worker.lost)"])
    }
    let serverRows = [
      ["", "receiving", "updating", "broadcasting", "recording", "idle"],
      ["server"]
        + [
          server.receiving, server.updating, server.broadcasting, server.recording, server.idle,
        ].map(percent),
    ]
    return aligned(rows) + "\n\n" + aligned(serverRows)
  }

  private func percent(_ share: Double) -> String { decimals(100 * share, 1) + " %" }
}

// The file of hosts: what is understood, and what is answered to what is not.

import Files
import Testing

@testable import Launching

@Suite struct HostListTests {
  @Test func everyLineIsAHost() throws {
    let list = try HostList(
      parsing: """
        # Two in the lab
        node1
        me@node2  workers=4 threads=2 port=2222 data=/data/clevr  # the large one

        node3\trelate=/opt/relate
        """, path: "hosts")
    #expect(
      list.hosts == [
        HostLine(destination: "node1"),
        HostLine(
          destination: "me@node2", port: 2222, workers: 4, threads: 2, data: "/data/clevr"),
        HostLine(destination: "node3", relate: "/opt/relate"),
      ])
    #expect(list.hosts.map(\.name) == ["node1", "node2", "node3"])
  }

  @Test(arguments: [
    ("", ["hosts: there is no host in it"]),
    ("# nobody\n", ["hosts: there is no host in it"]),
    ("a\nb workers=0", ["hosts, line 2:", "workers= takes a number from 1 to 1024, not '0'"]),
    ("a workers", ["hosts, line 1:", "not ''"]),
    ("a port=70000", ["hosts, line 1:", "65535"]),
    ("a slots=3", ["hosts, line 1:", "'slots=3' is not understood", "workers=N"]),
    ("workers=3", ["hosts, line 1:", "'workers=3' is no host"]),
    ("-oProxyCommand=x", ["hosts, line 1:", "is no host"]),
    ("a;reboot", ["hosts, line 1:", "is no host"]),
    ("me@", ["hosts, line 1:", "is no host"]),
    ("a\n\nme@a", ["hosts, line 3:", "a is there already"]),
    ("a data=", ["hosts, line 1:", "data=DIR"]),
  ])
  func mistakesNameTheFileAndTheLine(text: String, words: [String]) {
    let error = #expect(throws: FileError.self) { try HostList(parsing: text, path: "hosts") }
    for word in words {
      #expect(error?.description.contains(word) == true, "\(word)\n\(error!)")
    }
  }
}

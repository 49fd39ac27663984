// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.culvert.daemon.PeerSign.Answer;
import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.engine.Endpoint;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * A peer is sent to another address of its name only if it has no endpoint, does not answer, or its
 * name has changed.
 */
final class PeerNamesTest {
  private static final Endpoint V6 = Endpoint.of(IpAddress.parse("2001:db8::2"), 51820);
  private static final Endpoint V4 = Endpoint.of(IpAddress.parse("192.0.2.2"), 51820);
  private static final Endpoint LEARNT = Endpoint.of(IpAddress.parse("203.0.113.9"), 4711);

  @Test
  void aPeerThatIsNowhereGoesToTheFirstAddress() {
    assertEquals(V6, PeerNames.choose(List.of(), List.of(V6, V4), null));
    assertEquals(
        V6, PeerNames.choose(List.of(), List.of(V6, V4), new PeerSign(null, Answer.HEARD)));
  }

  @Test
  void aPeerThatDoesNotAnswerIsTriedAtEachAddressInTurn() {
    List<Endpoint> answer = List.of(V6, V4);
    assertEquals(V4, PeerNames.choose(answer, answer, new PeerSign(V6, Answer.UNANSWERED)));
    assertEquals(V6, PeerNames.choose(answer, answer, new PeerSign(V4, Answer.UNANSWERED)));
    assertNull(
        PeerNames.choose(List.of(V4), List.of(V4), new PeerSign(V4, Answer.UNANSWERED)),
        "there is no other");
  }

  @Test
  void aPeerThatWorksOrIsQuietStaysAtAnyAddressOfItsName() {
    for (Answer answer : List.of(Answer.HEARD, Answer.NOTHING_HEARD)) {
      assertNull(PeerNames.choose(List.of(V4), List.of(V6, V4), new PeerSign(V4, answer)));
    }
  }

  @Test
  void aPeerThatWasLearntToBeElsewhereStaysThereUntilItsNameChangesOrItIsSilent() {
    List<Endpoint> name = List.of(V4);
    assertNull(PeerNames.choose(name, name, new PeerSign(LEARNT, Answer.HEARD)));
    assertNull(PeerNames.choose(name, name, new PeerSign(LEARNT, Answer.NOTHING_HEARD)));
    assertEquals(V4, PeerNames.choose(name, name, new PeerSign(LEARNT, Answer.UNANSWERED)));
    assertEquals(V6, PeerNames.choose(name, List.of(V6), new PeerSign(LEARNT, Answer.HEARD)));
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.noise;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadBackends;
import dev.culvert.crypto.SecretBytes;
import dev.culvert.crypto.X25519;
import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.engine.DropCounters;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.MessageQueue;
import java.security.SecureRandom;
import java.time.Instant;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Secrets are wiped on every way out, and copied only once they are needed. */
final class HandshakesTest {
  private static final ProtocolLabels LABELS =
      new ProtocolLabels("a protocol of this test", "mac1-of-", "cookie-o");
  private static final Endpoint ELSEWHERE = Endpoint.of(IpAddress.parse("192.0.2.9"), 9);

  private final SecureRandom random = new SecureRandom();
  private final DropCounters drops = new DropCounters();
  private final IndexTable indices = new IndexTable(random);
  private final LocalIdentity identity = identity();
  private byte @Nullable [] captured;
  private boolean keyLogFails;

  private LocalIdentity identity() {
    return new LocalIdentity(SecretBytes.owning(X25519.generatePrivateKey(random)), LABELS);
  }

  private final Handshakes handshakes =
      new Handshakes(
          () -> identity,
          indices,
          key -> null,
          AeadBackends.first(AeadAlgorithm.CHACHA20_POLY1305),
          random,
          (peer, ephemeral) -> {
            captured = ephemeral;
            if (keyLogFails) {
              throw new IllegalStateException("on purpose");
            }
          },
          (message, to) -> {},
          drops,
          new Timestamps());

  /** A peer that is somewhere, but nowhere that a message comes from. */
  private static final class Nowhere implements HandshakeUser {
    @Override
    public boolean isReachable() {
      return true;
    }

    @Override
    public boolean accepts(Endpoint from) {
      return false;
    }

    @Override
    public void send(byte[] message, @Nullable Endpoint to) {}

    @Override
    public void heard(Endpoint from, int bytes) {
      throw new AssertionError();
    }

    @Override
    public void forgetSource() {}

    @Override
    public void initiated(TransportKeys keys) {
      throw new AssertionError();
    }

    @Override
    public void answered(TransportKeys keys) {
      throw new AssertionError();
    }

    @Override
    public boolean promoteConfirmed() {
      return false;
    }

    @Override
    public void established(boolean initiator) {}

    @Override
    public void timestampAnswered(Instant timestamp) {}

    @Override
    public boolean canSend(long nowNanos) {
      return false;
    }

    @Override
    public boolean hasFreshSession(long nowNanos) {
      return false;
    }

    @Override
    public void sendKeepalive() {}

    @Override
    public void abandoned(int attempts) {}

    @Override
    public void keysOutlived() {}

    @Override
    public void endExpiredSessions(long nowNanos) {}
  }

  private HandshakePeer peer() {
    PublicKey key = identity().publicKey();
    HandshakePeer peer = new HandshakePeer(key, LABELS, new Deadlines(), new Nowhere());
    peer.staticStatic(identity.agree(key));
    return peer;
  }

  @Test
  void aResponseFromAWrongPlaceIsRefusedBeforeAnySecretIsCopied() {
    HandshakePeer peer = peer();
    handshakes.initiate(peer, false, 0, 0);
    PendingInitiation pending = peer.pending();
    assertNotNull(pending);
    byte[] response = new byte[Messages.RESPONSE_LENGTH];
    Messages.putInt(response, Messages.TYPE, Messages.RESPONSE);
    Messages.putInt(response, Messages.RESPONSE_RECEIVER, pending.localIndex());
    // A closed secret refuses to be copied.
    pending.ephemeral().close();
    peer.presharedKey().close();
    handshakes.receive(new MessageQueue.Message(response, ELSEWHERE), false, 0, 0);
    assertEquals(Map.of(DropReason.BAD_HANDSHAKE, 1L), drops.snapshot());
  }

  @Test
  void theEphemeralKeyIsWipedAfterAnInitiation() {
    handshakes.initiate(peer(), false, 0, 0);
    assertArrayEquals(new byte[32], captured);
  }

  @Test
  void theEphemeralKeyIsWipedThoughWhatFollowsFails() {
    keyLogFails = true;
    HandshakePeer peer = peer();
    assertThrows(IllegalStateException.class, () -> handshakes.initiate(peer, false, 0, 0));
    assertArrayEquals(new byte[32], captured);
  }
}

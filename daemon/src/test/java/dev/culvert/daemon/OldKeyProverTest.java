// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.culvert.cluster.kube.KubeApi;
import dev.culvert.cluster.registrar.KeyChangeProof;
import dev.culvert.cluster.registrar.RegistrarConfig;
import dev.culvert.cluster.registrar.RegistrarKey;
import dev.culvert.cluster.resource.CulvertNode;
import dev.culvert.cluster.resource.Lease;
import dev.culvert.cluster.resource.Metadata;
import dev.culvert.cluster.resource.ResourceKind;
import dev.culvert.crypto.X25519;
import dev.culvert.daemon.config.KubernetesConfig;
import dev.culvert.daemon.testing.FakeCluster;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The change of a key is proven by the old key beside it, and by no other. */
final class OldKeyProverTest {
  private final FakeCluster cluster = new FakeCluster();
  private final byte[] old = X25519.generatePrivateKey(new SecureRandom());

  @TempDir private Path directory;

  private static String base64(byte[] bytes) {
    return Base64.getEncoder().encodeToString(bytes);
  }

  private void keep(byte[] key) throws IOException {
    Path file = Files.writeString(directory.resolve("private.key.old"), base64(key) + "\n");
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
  }

  private void registrarLeads() {
    try (RegistrarKey registrar = RegistrarKey.generate(new SecureRandom())) {
      Map<String, String> annotations = Map.of(RegistrarKey.ANNOTATION, registrar.publicKey());
      cluster.has(
          ResourceKind.leases(RegistrarConfig.NAMESPACE),
          RegistrarConfig.LEASE,
          new Lease(
              new Metadata(
                  RegistrarConfig.LEASE,
                  null,
                  "u",
                  "1",
                  1,
                  null,
                  null,
                  Map.of(),
                  annotations,
                  List.of()),
              null));
    }
  }

  private CulvertNode.@Nullable Proof prove() throws IOException {
    KubernetesConfig config = KubernetesConfig.ofAccess(List.of(), 6443, null);
    String newKey = base64(X25519.publicKey(X25519.generatePrivateKey(new SecureRandom())));
    try (KubeApi api = cluster.open(config)) {
      return new OldKeyProver(api, directory.resolve("private.key"))
          .prove("a", "uid", base64(X25519.publicKey(old)), newKey);
    }
  }

  @Test
  void theKeptKeyProvesTheChangeToTheRegistrarThatLeads() throws IOException {
    keep(old);
    registrarLeads();
    CulvertNode.Proof proof = prove();
    assertNotNull(proof);
    assertEquals(KeyChangeProof.KIND, proof.kind());
  }

  @Test
  void withoutTheOldKeyOrARegistrarThereIsNoProof() throws IOException {
    registrarLeads();
    assertNull(prove(), "the old key was not kept");
    keep(X25519.generatePrivateKey(new SecureRandom()));
    assertNull(prove(), "that is another key than the accepted one");
  }

  @Test
  void aProofWaitsForARegistrar() throws IOException {
    keep(old);
    assertNull(prove());
  }
}

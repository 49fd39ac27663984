// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import dev.culvert.cluster.claim.KeyProver;
import dev.culvert.cluster.kube.KubeApi;
import dev.culvert.cluster.kube.KubeException;
import dev.culvert.cluster.registrar.KeyChangeProof;
import dev.culvert.cluster.registrar.RegistrarConfig;
import dev.culvert.cluster.registrar.RegistrarKey;
import dev.culvert.cluster.resource.CulvertNode;
import dev.culvert.cluster.resource.Lease;
import dev.culvert.cluster.resource.ResourceKind;
import dev.culvert.crypto.SecretBytes;
import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.KeySource;
import dev.culvert.daemon.config.Place;
import dev.culvert.daemon.config.read.Base64Key;
import dev.culvert.log.EventLog;
import dev.culvert.log.Field;
import dev.culvert.log.LogEvent;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Proves the change of this node's key by the old one, if that was kept beside the new one, as
 * {@code private.key.old}.
 */
final class OldKeyProver implements KeyProver {
  private static final EventLog log = EventLog.of(OldKeyProver.class);

  private final KubeApi api;
  private final Path oldKey;

  /**
   * @param newKey the file of the key in force
   */
  OldKeyProver(KubeApi api, Path newKey) {
    this.api = api;
    oldKey = newKey.resolveSibling(newKey.getFileName() + ".old");
  }

  @Override
  public CulvertNode.@Nullable Proof prove(
      String node, String nodeUid, String accepted, @Nullable String newKey) throws KubeException {
    if (!Files.exists(oldKey)) {
      return null;
    }
    String registrar = registrarKey();
    if (registrar == null) {
      return null;
    }
    try (SecretBytes old =
        Base64Key.read(new KeySource.InFile(oldKey, new Place(oldKey.toString(), 0, "")))) {
      return KeyChangeProof.make(
          old, registrar, new KeyChangeProof.Change(node, nodeUid, accepted, newKey));
    } catch (ConfigException | IllegalArgumentException e) {
      log.warn(
          LogEvent.KEY_UNPROVEN,
          "the change of this node's key is not proven by {}: {}",
          oldKey,
          Field.reason(e.getMessage()));
      return null;
    }
  }

  /** The leading registrar's public key; null if none leads, or we may not ask. */
  private @Nullable String registrarKey() throws KubeException {
    try {
      Lease lease = api.get(ResourceKind.leases(RegistrarConfig.NAMESPACE), RegistrarConfig.LEASE);
      return lease.metadata().annotations().get(RegistrarKey.ANNOTATION);
    } catch (KubeException e) {
      if (e.code() == KubeException.NOT_FOUND || e.code() == KubeException.FORBIDDEN) {
        log.warn(
            LogEvent.KEY_UNPROVEN,
            "the change of this node's key cannot be proven: {}",
            Field.reason(e.getMessage()));
        return null;
      }
      throw e;
    }
  }
}

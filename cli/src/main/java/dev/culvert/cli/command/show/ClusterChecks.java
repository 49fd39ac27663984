// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command.show;

import dev.culvert.cluster.kube.KubeApi;
import dev.culvert.cluster.kube.KubeApi.ListQuery;
import dev.culvert.cluster.kube.KubeException;
import dev.culvert.cluster.resource.ResourceKind;
import dev.culvert.cluster.resource.SelfReview;
import dev.culvert.cluster.resource.ServerVersion;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;

/** The checks of {@code culvert doctor} of the way to the Kubernetes API. They change nothing. */
public final class ClusterChecks {
  private static final Path CNI = Path.of("/etc/cni/net.d");
  private static final Duration SKEW = Duration.ofMinutes(2);
  private static final String OURS = "culvert.dev";
  private static final List<ResourceKind<?>> OUR_KINDS =
      List.of(ResourceKind.CULVERT_NODES, ResourceKind.EXEMPTIONS, ResourceKind.POLICIES);

  /** The rights that a daemon needs, and no other. */
  private static final List<Right> NEEDED =
      List.of(
          new Right(OURS, "culvertnodes", null, null, List.of("list", "watch", "create", "patch")),
          new Right(OURS, "encryptionexemptions", null, null, List.of("list", "watch")),
          new Right(OURS, "culvertpolicies", null, null, List.of("list", "watch")),
          new Right("", "nodes", null, null, List.of("get")),
          new Right("", "namespaces", null, "kube-system", List.of("get")),
          new Right(
              "apiextensions.k8s.io",
              "customresourcedefinitions",
              null,
              ResourceKind.CULVERT_NODES.definition(),
              List.of("get")));

  /** Rights by which an attacker on one node would be the master of others. */
  private static final List<Right> DANGEROUS =
      List.of(
          new Right("", "secrets", null, null, List.of("get", "list")),
          new Right("", "nodes", null, null, List.of("patch")),
          new Right(OURS, "culvertpolicies", null, null, List.of("patch")),
          new Right(OURS, "encryptionexemptions", null, null, List.of("create")));

  private record Right(
      String group,
      String resource,
      @Nullable String subresource,
      @Nullable String name,
      List<String> verbs) {
    Map<String, Object> attributes(String verb) {
      Map<String, Object> attributes = new LinkedHashMap<>();
      attributes.put("group", group);
      attributes.put("resource", resource);
      attributes.put("verb", verb);
      if (subresource != null) {
        attributes.put("subresource", subresource);
      }
      if (name != null) {
        attributes.put("name", name);
      }
      return attributes;
    }

    String text(String verb) {
      return verb + " " + resource;
    }
  }

  private final KubeApi api;
  private final @Nullable String node;

  /**
   * @param node the name of this node, if it is known
   */
  public ClusterChecks(KubeApi api, @Nullable String node) {
    this.api = api;
    this.node = node;
  }

  public List<Finding> all() {
    List<Finding> findings = new ArrayList<>();
    try {
      findings.add(version());
      findings.add(kinds());
      SelfReview self = review();
      findings.add(identity(self));
      findings.add(clock(self, Instant.now()));
      findings.add(needed());
      findings.add(dangerous());
    } catch (KubeException e) {
      findings.add(away(e));
    }
    findings.add(cni(CNI));
    return findings;
  }

  /** The finding if the API cannot be asked. */
  public static Finding away(Exception e) {
    return Finding.fail(
        "Kubernetes API",
        "cannot be asked: " + e.getMessage(),
        "a gateway that runs goes on with the nodes that it knows; see discovery.kubernetes");
  }

  private Finding version() throws KubeException {
    ServerVersion version = api.get(ResourceKind.VERSIONS, ServerVersion.NAME);
    String refusal = version.refusal();
    return refusal == null
        ? Finding.ok("Kubernetes API", String.valueOf(version.gitVersion()))
        : Finding.fail("Kubernetes API", refusal, "update the cluster; gateways do not follow it");
  }

  private Finding kinds() throws KubeException {
    List<String> missing = new ArrayList<>();
    for (ResourceKind<?> kind : OUR_KINDS) {
      try {
        api.list(kind, new ListQuery(null, 1, null, null));
      } catch (KubeException e) {
        if (e.code() == KubeException.NOT_FOUND) {
          missing.add(kind.kind());
        } else if (e.code() != KubeException.FORBIDDEN) { // That is RBAC's finding.
          throw e;
        }
      }
    }
    return missing.isEmpty()
        ? Finding.ok("CRDs", "the server has all kinds of Culvert's")
        : Finding.fail(
            "CRDs", "the server does not have " + String.join(", ", missing), "apply crds.yaml");
  }

  private SelfReview review() throws KubeException {
    return api.create(ResourceKind.SELF_REVIEWS, object(ResourceKind.SELF_REVIEWS, Map.of()));
  }

  private Finding identity(SelfReview self) {
    String of = self.node();
    if (of == null) {
      return Finding.warn(
          "identity",
          self.username() + ", which is bound to no node",
          "a gateway needs the token of a pod on its node; for an administrator this is right");
    }
    return node == null || node.equals(of)
        ? Finding.ok("identity", self.username() + " on " + of)
        : Finding.fail(
            "identity",
            "the token is that of a pod on " + of + ", and this node is called " + node,
            "set nodeName to spec.nodeName of the pod");
  }

  /** Certificates and tokens are only valid at their time. */
  static Finding clock(SelfReview self, Instant now) {
    String created = self.metadata().creationTimestamp();
    if (created == null) {
      return Finding.warn("clock", "the API server does not tell its time", "compare it yourself");
    }
    Duration skew = Duration.between(Instant.parse(created), now).abs();
    return skew.compareTo(SKEW) <= 0
        ? Finding.ok("clock", "as that of the API server")
        : Finding.warn(
            "clock",
            skew.toSeconds() + " s apart from the API server's",
            "keep the clocks of all nodes by NTP: certificates and tokens depend on them");
  }

  private Finding needed() throws KubeException {
    List<String> missing = those(NEEDED, false);
    return missing.isEmpty()
        ? Finding.ok("RBAC", "all rights that a gateway needs")
        : Finding.fail("RBAC", "not allowed: " + String.join(", ", missing), "apply rbac.yaml");
  }

  private Finding dangerous() throws KubeException {
    List<String> found = those(DANGEROUS, true);
    return found.isEmpty()
        ? Finding.ok("RBAC, least", "no rights over other nodes")
        : Finding.warn(
            "RBAC, least",
            "allowed, and not needed: " + String.join(", ", found),
            "whoever takes over this node has these rights; for an administrator this is right");
  }

  /** The rights that are allowed, or those that are not. */
  private List<String> those(List<Right> rights, boolean allowed) throws KubeException {
    List<String> those = new ArrayList<>();
    for (Right right : rights) {
      for (String verb : right.verbs()) {
        if (isAllowed(right, verb) == allowed) {
          those.add(right.text(verb));
        }
      }
    }
    return those;
  }

  private boolean isAllowed(Right right, String verb) throws KubeException {
    byte[] question =
        object(
            ResourceKind.ACCESS_REVIEWS,
            Map.of("spec", Map.of("resourceAttributes", right.attributes(verb))));
    return api.create(ResourceKind.ACCESS_REVIEWS, question).isAllowed();
  }

  private static byte[] object(ResourceKind<?> kind, Map<String, Object> more) {
    Map<String, Object> object = new LinkedHashMap<>(more);
    object.put("apiVersion", kind.apiVersion());
    object.put("kind", kind.kind());
    return JsonMapper.shared().writeValueAsBytes(object);
  }

  /** The container runtime uses the first file by name. */
  static Finding cni(Path folder) {
    List<String> names = new ArrayList<>();
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, "*.{conf,conflist,json}")) {
      files.forEach(file -> names.add(String.valueOf(file.getFileName())));
    } catch (NoSuchFileException e) {
      return Finding.warn("CNI", folder + " does not exist", "mount it, to see which CNI it is");
    } catch (IOException e) {
      return Finding.warn(
          "CNI", folder + " cannot be read: " + e.getMessage(), "mount it, to see which CNI it is");
    }
    String first = names.stream().sorted().findFirst().orElse(null);
    if (first == null) {
      return Finding.warn("CNI", "none in " + folder, "pods have no network before there is one");
    }
    return first.contains("cilium")
        ? Finding.fail(
            "CNI", first, "Cilium's programs take packets past the guard: see 'datapath' above")
        : Finding.ok("CNI", first);
  }
}

// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.resource;

import org.jspecify.annotations.Nullable;

/**
 * A kind of objects of the API.
 *
 * @param apiVersion such as {@code v1} or {@code culvert.dev/v1alpha1}
 * @param kind such as {@code Node}
 * @param path of the collection in the API, such as {@code /api/v1/nodes}
 * @param type the objects' class
 */
public record ResourceKind<T extends KubeObject>(
    String apiVersion, String kind, String path, Class<T> type) {
  public static final String API_VERSION = "culvert.dev/v1alpha1";
  private static final String OURS = "/apis/" + API_VERSION;

  public static final ResourceKind<CulvertNode> CULVERT_NODES =
      new ResourceKind<>(API_VERSION, "CulvertNode", OURS + "/culvertnodes", CulvertNode.class);
  public static final ResourceKind<EncryptionExemption> EXEMPTIONS =
      new ResourceKind<>(
          API_VERSION,
          "EncryptionExemption",
          OURS + "/encryptionexemptions",
          EncryptionExemption.class);
  public static final ResourceKind<CulvertPolicy> POLICIES =
      new ResourceKind<>(
          API_VERSION, "CulvertPolicy", OURS + "/culvertpolicies", CulvertPolicy.class);
  public static final ResourceKind<Node> NODES =
      new ResourceKind<>("v1", "Node", "/api/v1/nodes", Node.class);
  public static final ResourceKind<Namespace> NAMESPACES =
      new ResourceKind<>("v1", "Namespace", "/api/v1/namespaces", Namespace.class);

  public static final ResourceKind<Definition> DEFINITIONS =
      new ResourceKind<>(
          "apiextensions.k8s.io/v1",
          "CustomResourceDefinition",
          "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
          Definition.class);

  public static final ResourceKind<Pod> PODS =
      new ResourceKind<>("v1", "Pod", "/api/v1/pods", Pod.class);
  public static final ResourceKind<IpamBlock> CALICO_BLOCKS =
      new ResourceKind<>(
          "crd.projectcalico.org/v1",
          "IPAMBlock",
          "/apis/crd.projectcalico.org/v1/ipamblocks",
          IpamBlock.class);
  public static final ResourceKind<CiliumNode> CILIUM_NODES =
      new ResourceKind<>(
          "cilium.io/v2", "CiliumNode", "/apis/cilium.io/v2/ciliumnodes", CiliumNode.class);

  /** Its only object is {@link ServerVersion#NAME}. */
  public static final ResourceKind<ServerVersion> VERSIONS =
      new ResourceKind<>("", "Version", "", ServerVersion.class);

  /** Made, but not kept: the answer is in the object that comes back. */
  public static final ResourceKind<SelfReview> SELF_REVIEWS =
      new ResourceKind<>(
          "authentication.k8s.io/v1",
          "SelfSubjectReview",
          "/apis/authentication.k8s.io/v1/selfsubjectreviews",
          SelfReview.class);

  /** Made, but not kept, as {@link #SELF_REVIEWS}. */
  public static final ResourceKind<AccessReview> ACCESS_REVIEWS =
      new ResourceKind<>(
          "authorization.k8s.io/v1",
          "SelfSubjectAccessReview",
          "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
          AccessReview.class);

  /** The Leases of one namespace. */
  public static ResourceKind<Lease> leases(String namespace) {
    return new ResourceKind<>(
        "coordination.k8s.io/v1",
        "Lease",
        "/apis/coordination.k8s.io/v1/namespaces/" + namespace + "/leases",
        Lease.class);
  }

  /** The DaemonSets of one namespace. */
  public static ResourceKind<DaemonSet> daemonSets(String namespace) {
    return new ResourceKind<>(
        "apps/v1",
        "DaemonSet",
        "/apis/apps/v1/namespaces/" + namespace + "/daemonsets",
        DaemonSet.class);
  }

  /** The Pods of one namespace, those of DaemonSets among them. */
  public static ResourceKind<DaemonPod> daemonPods(String namespace) {
    return new ResourceKind<>(
        "v1", "Pod", "/api/v1/namespaces/" + namespace + "/pods", DaemonPod.class);
  }

  /** The name of the CustomResourceDefinition of a kind that has one. */
  public String definition() {
    String plural = path.substring(path.lastIndexOf('/') + 1);
    return plural + "." + apiVersion.substring(0, apiVersion.indexOf('/'));
  }

  /** The path of one object, or of a part of it. */
  public String path(String name, @Nullable String subresource) {
    return path + "/" + name + (subresource == null ? "" : "/" + subresource);
  }
}

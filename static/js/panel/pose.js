/** A person's 3D poses, turning beside the picture; mouse, touch and arrow keys turn them too. */

import {
  AmbientLight, Color, CylinderGeometry, DirectionalLight, GridHelper, Group, Mesh, MeshStandardMaterial,
  OrbitControls, PerspectiveCamera, Scene, SphereGeometry, Vector3, WebGLRenderer,
} from "../../vendor/three.js";

const SIDES = { left: "#2f9bff", right: "#ff8a2b", middle: "#9aa4b5" };
const TRUTH = { left: "#7a8699", right: "#7a8699", middle: "#7a8699" };
const SIZE = 1.8; // the scene's height of the tallest pose
const UP = new Vector3(0, 1, 0);
const TURN_S = 14;
const STEP = Math.PI / 18;

/** Data have x right, y down, z away from the camera; the scene has y up and z towards the viewer. */
export function toScene([x, y, z], scale) {
  return new Vector3(x * scale, -y * scale, -z * scale);
}

/** The factor from mm to the scene that makes the largest pose as tall as `SIZE`. */
export function scaleOf(poses) {
  const extents = poses.map(({ pose_mm: points }) => {
    const spans = [0, 1, 2].map((axis) => {
      const values = points.map((point) => point[axis]);
      return Math.max(...values) - Math.min(...values);
    });
    return Math.max(...spans);
  });
  return SIZE / Math.max(...extents, 1);
}

function limb(from, to, radius, material) {
  const along = to.clone().sub(from);
  const mesh = new Mesh(new CylinderGeometry(radius, radius, Math.max(along.length(), 1e-4), 12), material);
  mesh.position.copy(from).addScaledVector(along, 0.5);
  mesh.quaternion.setFromUnitVectors(UP, along.normalize());
  return mesh;
}

function figure(pose, { bones, sides }, scale, colours, opacity) {
  const group = new Group();
  const material = Object.fromEntries(Object.entries(colours).map(([side, colour]) => [
    side, new MeshStandardMaterial({ color: colour, roughness: 0.55, transparent: opacity < 1, opacity }),
  ]));
  const points = pose.pose_mm.map((point) => toScene(point, scale));
  points.forEach((point, joint) => {
    const ball = new Mesh(new SphereGeometry(0.034, 20, 14), material[sides[joint]]);
    ball.position.copy(point);
    group.add(ball);
  });
  for (const [a, b] of bones) group.add(limb(points[a], points[b], 0.02, material[sides[b]]));
  return { group, points };
}

class PoseView {
  #box;
  #stage;
  #scene = new Scene();
  #camera = new PerspectiveCamera(32, 1, 0.05, 50);
  #renderer;
  #controls;
  #figures = new Map();
  #grid = null;
  #turning;
  #last = null;
  #frame = null;

  constructor(box) {
    this.#box = box;
    this.#stage = box.querySelector("[data-pose-stage]");
    const data = JSON.parse(document.getElementById(box.dataset.pose).textContent);
    try {
      this.#renderer = new WebGLRenderer({ antialias: true, alpha: true, preserveDrawingBuffer: true });
    } catch {
      this.#apologise();
      return;
    }
    this.#turning = !window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.#build(data);
    this.#listen();
    this.front();
    this.#request();
  }

  #apologise() {
    const words = document.createElement("p");
    words.className = "apology";
    words.textContent = "This browser shows no 3D (WebGL is off). The table beneath says the same.";
    this.#stage.append(words);
    this.#box.querySelector("[data-pose-controls]").hidden = true;
  }

  #build(data) {
    const scale = scaleOf(data.poses);
    let lowest = 0;
    for (const pose of data.poses) {
      const isTruth = pose.name === "truth" && data.poses.length > 1;
      const { group, points } = figure(pose, data, scale, isTruth ? TRUTH : SIDES, isTruth ? 0.6 : 1);
      lowest = Math.min(lowest, ...points.map((point) => point.y));
      this.#figures.set(pose.name, group);
      this.#scene.add(group);
    }
    this.#scene.add(new AmbientLight(0xffffff, 1.6));
    const sun = new DirectionalLight(0xffffff, 2.2);
    sun.position.set(1.5, 3, 2.5);
    this.#scene.add(sun);
    this.#ground(lowest - 0.04);

    const canvas = this.#renderer.domElement;
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `3D pose: ${data.poses.map((pose) => pose.title).join(", ")}. Arrow keys turn it, plus and minus zoom; the table beneath gives its depths.`);
    this.#stage.append(canvas);
    this.#controls = new OrbitControls(this.#camera, canvas);
    this.#controls.enablePan = false;
    this.#controls.enableDamping = false;
    this.#controls.minDistance = 1.5;
    this.#controls.maxDistance = 9;
  }

  #ground(height) {
    const colour = new Color(getComputedStyle(this.#stage).color);
    if (this.#grid) this.#scene.remove(this.#grid);
    this.#grid = new GridHelper(3, 12, colour, colour);
    this.#grid.material.transparent = true;
    this.#grid.material.opacity = 0.22;
    this.#grid.position.y = height;
    this.#scene.add(this.#grid);
  }

  #listen() {
    new ResizeObserver(() => {
      const { clientWidth: width, clientHeight: height } = this.#stage;
      this.#renderer.setPixelRatio(Math.min(window.devicePixelRatio, 2));
      this.#renderer.setSize(width, height, false);
      this.#camera.aspect = width / Math.max(height, 1);
      this.#camera.updateProjectionMatrix();
      this.#request();
    }).observe(this.#stage);
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.#ground(this.#grid.position.y);
      this.#request();
    });
    this.#controls.addEventListener("start", () => this.#turn(false));
    this.#controls.addEventListener("change", () => this.#request());
    this.#renderer.domElement.addEventListener("keydown", (event) => this.#key(event));
    for (const input of this.#box.querySelectorAll("[data-pose-show]")) {
      input.addEventListener("change", () => {
        this.#figures.get(input.dataset.poseShow).visible = input.checked;
        this.#request();
      });
    }
    this.#box.querySelector("[data-pose-turn]").addEventListener("click", () => this.#turn(!this.#turning));
    this.#box.querySelector("[data-pose-front]").addEventListener("click", () => { this.#turn(false); this.front(); });
    this.#turn(this.#turning);
  }

  #key(event) {
    const moves = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, STEP], ArrowDown: [0, -STEP] };
    const zooms = { "+": 0.9, "=": 0.9, "-": 1 / 0.9 };
    if (moves[event.key]) this.#orbit(...moves[event.key]);
    else if (zooms[event.key]) this.#camera.position.multiplyScalar(zooms[event.key]);
    else return;
    event.preventDefault();
    this.#turn(false);
    this.#controls.update();
    this.#request();
  }

  #orbit(azimuth, height) {
    const at = this.#camera.position;
    at.applyAxisAngle(UP, azimuth);
    if (height) {
      const sideways = new Vector3().crossVectors(UP, at).normalize();
      const turned = at.clone().applyAxisAngle(sideways, -height);
      if (Math.abs(turned.angleTo(UP) - Math.PI / 2) < 1.4) at.copy(turned);
    }
    this.#camera.lookAt(0, 0, 0);
  }

  #turn(on) {
    this.#turning = on;
    this.#last = null;
    this.#box.querySelector("[data-pose-turn]").textContent = on ? "Pause" : "Turn";
    this.#request();
  }

  /** From where the picture was taken. */
  front() {
    this.#camera.position.set(0, 0, 4.2);
    this.#camera.lookAt(0, 0, 0);
    this.#controls.update();
    this.#request();
  }

  #request() {
    this.#frame ??= requestAnimationFrame((now) => this.#draw(now));
  }

  #draw(now) {
    this.#frame = null;
    if (this.#turning) {
      if (this.#last !== null) this.#orbit((2 * Math.PI * (now - this.#last)) / 1000 / TURN_S, 0);
      this.#last = now;
    }
    this.#renderer.render(this.#scene, this.#camera);
    if (this.#turning) this.#request();
  }
}

for (const box of document.querySelectorAll("[data-pose]")) new PoseView(box);

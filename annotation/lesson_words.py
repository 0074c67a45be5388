"""The shipped tutorial's explanations, listed so that `makemessages` finds them and translators see them."""

from django.utils.translation import gettext_noop

EXPLANATIONS = [
    gettext_noop("The right foot is kicked out towards you. The left foot stands on the floor, farther away."),
    gettext_noop(
        "You see this person from behind, so the left hand is on the left of the picture. The left arm "
        "reaches towards you, the right arm points away from you."
    ),
    gettext_noop(
        "The left hand is hidden behind the back. The marker lies on the shirt, but judge where the hand "
        "itself is: behind the body, so the hip is closer."
    ),
    gettext_noop(
        "The camera looks down from above. The person stands upright, yet the head is much nearer to the "
        "camera than the feet. Judge from the camera, not from the floor."
    ),
    gettext_noop(
        "The body is turned a little to one side, which brings the right shoulder nearer. Look at the chest: "
        "it does not face you straight."
    ),
    gettext_noop("The left knee is lifted towards you. It is clearly in front of the shoulders."),
    gettext_noop(
        "This person faces you, so the left hand is on the right of the picture. It is held up in front of "
        "the body; the right arm points to the side."
    ),
    gettext_noop(
        "The left arm is stretched out behind the chest, so you cannot see the left hand. Whatever is hidden "
        "behind the body is farther away."
    ),
    gettext_noop("Seen from above, what is higher is nearer to the camera. The head is closer than the knee."),
    gettext_noop(
        "You see the back, so left in the picture is also the person's left. The left hand comes towards you,"
        " the right hand is raised on the far side."
    ),
    gettext_noop(
        "The person leans back: the hips are behind the knees, so the left knee is a little nearer than the right hip."
    ),
]
